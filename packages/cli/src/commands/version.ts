/** `tally version`: of this program and of the service that it talks to. */
import type { Command } from 'commander';
import { action, command } from '../grammar.js';
import { VERSION } from '../version.js';

export function addVersionCommand(program: Command): void {
  const version = command(program, 'version', {
    summary: 'Show the versions of this program and of the service, and the address of the service',
    examples: ['version', 'version --client'],
  }).option('--client', 'only that of this program; the service is not asked');
  action<[], { client?: boolean }>(version, async ({ session, options }) => {
    const { out } = session;
    if (options.client === true) return out.answer({ client: VERSION }, () => out.line(`tally ${VERSION}`));
    const { url } = session.connection;
    const response = await session.fetch('/openapi.json');
    const { info } = (await response.json()) as { info: { version: string } };
    const shown = { client: VERSION, service: info.version, url };
    out.answer(shown, () =>
      out.fields([
        ['tally', VERSION],
        ['service', `${info.version} at ${url}`],
      ]),
    );
  });
}
