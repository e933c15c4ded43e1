/** `tally __complete WORDS` answers shells on Tab, from the commands as they are declared. */
import type { Command, Option } from 'commander';
import { answerOf } from './api/client.js';
import { makeProgram } from './program.js';
import { Session } from './session.js';

/** How many names the service is asked for, and for how long a shell waits for them. */
const NAMES_MAX = 100;
const ANSWER_MS_MAX = 1_500;
const FILES = ':files';

type Candidate = { readonly value: string; readonly about?: string };

/** Prints a line for each way to go on after these words, of which the last is not whole yet: the word, and where that is known a tab and what it does. */
export async function complete(words: readonly string[]): Promise<void> {
  const program = await makeProgram(words.length > 1 ? words : null);
  const candidates = await candidatesFor(program, words, namesOf);
  for (const { value, about } of candidates)
    process.stdout.write(about === undefined ? `${value}\n` : `${value}\t${about}\n`);
}

type Names = (kind: string, beginning: string) => Promise<string[]>;

export async function candidatesFor(
  program: Command,
  words: readonly string[],
  names: Names,
): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  const place = placeOf(program, words.slice(0, -1));
  const found =
    place.option !== null
      ? await valuesOf(place.option.argChoices, valueNameOf(place.option), current, names)
      : current.startsWith('-')
        ? optionsOf(program, place.command)
        : [...subcommandsOf(place), ...(await argumentsOf(place, current, names))];
  return found.filter(({ value }) => value === FILES || value.startsWith(current));
}

type Place = {
  readonly command: Command;
  /** How many arguments are written already. */
  readonly argumentCount: number;
  /** The option whose value comes next. */
  readonly option: Option | null;
};

function placeOf(program: Command, words: readonly string[]): Place {
  let place: Place = { command: program, argumentCount: 0, option: null };
  for (const word of words) {
    if (place.option !== null) {
      place = { ...place, option: null };
    } else if (word.startsWith('-')) {
      const option = [...place.command.options, ...program.options].find(
        ({ long, short }) => long === word || short === word,
      );
      const takesValue = option !== undefined && (option.required || option.optional);
      place = { ...place, option: takesValue ? option : null };
    } else {
      const next =
        place.argumentCount > 0 ? undefined : place.command.commands.find((each) => each.name() === word);
      place =
        next === undefined
          ? { ...place, argumentCount: place.argumentCount + 1 }
          : { command: next, argumentCount: 0, option: null };
    }
  }
  return place;
}

function subcommandsOf({ command, argumentCount }: Place): Candidate[] {
  if (argumentCount > 0) return [];
  return command.commands.map((each) => ({ value: each.name(), about: each.summary() }));
}

function optionsOf(program: Command, command: Command): Candidate[] {
  const options = command === program ? program.options : [...command.options, ...program.options];
  return [
    ...options.map((option) => ({ value: option.long ?? option.flags, about: option.description })),
    { value: '--help', about: 'show help' },
  ];
}

function argumentsOf({ command, argumentCount }: Place, current: string, names: Names): Promise<Candidate[]> {
  const argument = command.registeredArguments[argumentCount];
  return argument === undefined
    ? Promise.resolve([])
    : valuesOf(argument.argChoices, argument.name(), current, names);
}

/** `--entity <entity>` → `entity`. */
function valueNameOf(option: Option): string {
  return /<([^>]+)>/.exec(option.flags)?.[1] ?? '';
}

async function valuesOf(
  choices: readonly string[] | undefined,
  name: string,
  current: string,
  names: Names,
): Promise<Candidate[]> {
  if (choices !== undefined) return choices.map((value) => ({ value }));
  if (name === 'file') return [{ value: FILES }];
  return (await names(name, current)).map((value) => ({ value }));
}

/** Names that the service knows; none where it does not answer in time. */
async function namesOf(kind: string, beginning: string): Promise<string[]> {
  const known = NAMED[kind];
  if (known === undefined) return [];
  try {
    const late = new Promise<string[]>((resolve) => setTimeout(() => resolve([]), ANSWER_MS_MAX).unref());
    return await Promise.race([known(new Session({}), beginning), late]);
  } catch {
    return [];
  }
}

const NAMED: Readonly<Record<string, (session: Session, beginning: string) => Promise<string[]>>> = {
  entity: entities,
  async subject(session, beginning) {
    const [entity = '', project] = beginning.split('/');
    if (project === undefined) return entities(session, beginning);
    const path = { entity };
    const { data } = await answerOf(
      session.api.GET('/v1/admin/entities/{entity}/projects', {
        params: { path, query: { limit: NAMES_MAX } },
      }),
    );
    return data.map((each) => `${entity}/${each.project}`);
  },
  async plan({ api }) {
    const { data } = await answerOf(api.GET('/v1/admin/plans', { params: { query: { limit: NAMES_MAX } } }));
    return data.map(({ plan }) => plan);
  },
};

async function entities({ api }: Session, beginning: string): Promise<string[]> {
  const search = beginning === '' ? {} : { search: beginning };
  const { data } = await answerOf(
    api.GET('/v1/entities', { params: { query: { limit: NAMES_MAX, sort: 'entity', ...search } } }),
  );
  return data.map(({ entity }) => entity);
}
