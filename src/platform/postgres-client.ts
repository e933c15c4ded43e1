/** One connection to Postgres, as Prisma's adapter uses it: it reads times with their offset, and begins transactions in one call. */
import pg from 'pg';
import { readInstant } from './instants.js';

const TIMESTAMPTZ = 1184;
const TIMESTAMPTZ_ARRAY = 1185;
const TEXT_ARRAY = 1009;

type TypeParser = (text: string) => unknown;
type Statement = { text: string; types?: { getTypeParser(oid: number, format?: string): TypeParser } };

const parserOf = pg.types.getTypeParser as (oid: number, format: 'text') => TypeParser;
const readTextArray = parserOf(TEXT_ARRAY, 'text');

/**
 * A class of connections whose transactions begin with `begin`, any number of statements that are sent as one. So isolation and time limits hold
 * behind a pooler too, which drops what is asked for at the start of a session, and cost no call of their own.
 */
export function clientThatBegins(begin: string): typeof pg.Client {
  class PostgresClient extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super(config);
      this.setTypeParser(TIMESTAMPTZ, 'text', (text) => new Date(readInstant(text)));
      adjustStatements(this, begin);
    }
  }
  return PostgresClient;
}

/** Not an override of the method, because pg declares it in nine ways. */
function adjustStatements(client: { query: (...args: readonly unknown[]) => unknown }, begin: string): void {
  const query = client.query.bind(client);
  client.query = (statement, ...rest) =>
    query(isStatement(statement) ? ofAdapter(statement, begin) : statement, ...rest);
}

/** Only Prisma's adapter brings parsers of its own. */
function isStatement(statement: unknown): statement is Statement {
  return typeof statement === 'object' && statement !== null && 'types' in statement;
}

/** The adapter's own parser drops the offset of a time and takes it for UTC. */
function ofAdapter(statement: Statement, begin: string): Statement {
  const { text, types } = statement;
  if (types === undefined) return statement;
  return {
    ...statement,
    text: text === 'BEGIN' ? begin : text,
    types: {
      getTypeParser(oid, format) {
        if (oid === TIMESTAMPTZ && format === 'text') return readInstant;
        if (oid === TIMESTAMPTZ_ARRAY && format === 'text') return readInstants;
        return types.getTypeParser(oid, format);
      },
    },
  };
}

function readInstants(text: string): (string | null)[] {
  return (readTextArray(text) as (string | null)[]).map((each) => (each === null ? null : readInstant(each)));
}
