/** Identifies the caller and the project that pays. */
import type { IncomingHttpHeaders } from 'node:http';
import { NAME_PATTERN } from '@tally/client/protocol';
import type { CallerKeys } from './caller-keys.js';
import { badRequest, invalidAuthentication, unsupportedCountry } from './openai-error.js';

export interface Caller {
  /** `entity/project` */
  readonly project: string;
  /** Names the key in reports without revealing it. */
  readonly apiKeyId: string;
}

/** Checks the country first, as an edge in front of a gateway would, before any key. */
export async function identify(
  headers: IncomingHttpHeaders,
  { blockedCountries, keys }: { blockedCountries: ReadonlySet<string>; keys: CallerKeys },
): Promise<Caller> {
  if (isBlocked(header(headers, 'x-client-country'), blockedCountries)) throw unsupportedCountry();
  const key = keyIn(headers);
  const found = key === null ? null : await keys.find(key);
  if (found === null) throw invalidAuthentication();
  return { project: projectOf(header(headers, 'openai-project'), found.entity), apiKeyId: found.id };
}

/** Anthropic's clients send it in a header of their own. */
function keyIn(headers: IncomingHttpHeaders): string | null {
  const bearer = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  return bearer ?? (header(headers, 'x-api-key') || null);
}

/** `entity/project`. A project alone belongs to the key's entity, and without one the project is `default`. */
function projectOf(wanted: string, entity: string): string {
  const [project = '', owner = entity, ...rest] = wanted.split('/').toReversed();
  if (owner !== entity || rest.length > 0) throw invalidAuthentication();
  if (wanted === '') return `${entity}/default`;
  if (!NAME_PATTERN.test(project)) throw badRequest('Invalid project name', { param: 'OpenAI-Project' });
  return `${entity}/${project}`;
}

/** A country, or what edges say in place of one (`XX`, `T1`), alone or with its region: `IR`, `IR-07`. */
const COUNTRY = /^([A-Z][A-Z0-9])(-[A-Z0-9]{1,3})?$/;

/**
 * Whether any of the countries that the edge names is blocked: each proxy on the way may have added its own. A value that is no country is
 * blocked too, since it does not say that it is none of these. Without a value nothing is known, and nothing is blocked.
 */
function isBlocked(value: string, blocked: ReadonlySet<string>): boolean {
  if (blocked.size === 0) return false;
  const names = value
    .toUpperCase()
    .split(/[\s,;]+/)
    .filter((name) => name !== '');
  return names.some((name) => {
    const country = COUNTRY.exec(name)?.[1];
    return country === undefined || blocked.has(country);
  });
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(',') : (value ?? '')).trim();
}
