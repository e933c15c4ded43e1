/** `tally completion SHELL`: prints the script of a shell. */
import { Argument, type Command } from 'commander';
import { SCRIPTS, SHELLS, type Shell } from './completion-scripts.js';
import { action, command } from './grammar.js';

export function addCompletion(program: Command): void {
  const completion = command(program, 'completion', {
    summary: 'Print the completion script of a shell',
    more: 'Names of customers and plans are completed too, from the service.',
    examples: [
      'completion bash >> ~/.bashrc',
      'completion zsh >> ~/.zshrc',
      'completion fish > ~/.config/fish/completions/tally.fish',
    ],
  }).addArgument(new Argument('<shell>', 'the shell').choices(SHELLS));
  action<[Shell]>(completion, async ({ session, args: [shell] }) => session.out.raw(SCRIPTS[shell]));
}
