/** Identifies the caller and the project that pays. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { NAME_PATTERN } from '@tally/client/protocol';
import type { GatewayConfig } from './config.js';
import { badRequest, invalidAuthentication, unsupportedCountry } from './openai-error.js';

export interface Caller {
  /** `entity/project` */
  readonly project: string;
  /** Names the key in reports without revealing it. */
  readonly apiKeyId: string;
}

/** Checks the country first, as an edge in front of a gateway would, before any key. */
export function identify(headers: IncomingHttpHeaders, config: GatewayConfig): Caller {
  if (config.blockedCountries.has(header(headers, 'x-client-country').toUpperCase()))
    throw unsupportedCountry();
  const key = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const entity = key === undefined ? undefined : config.callerKeys.get(key);
  if (key === undefined || entity === undefined) throw invalidAuthentication();
  return { project: projectOf(header(headers, 'openai-project'), entity), apiKeyId: apiKeyId(key) };
}

/** `entity/project`. A project alone belongs to the key's entity, and without one the project is `default`. */
function projectOf(wanted: string, entity: string): string {
  const [project = '', owner = entity, ...rest] = wanted.split('/').toReversed();
  if (owner !== entity || rest.length > 0) throw invalidAuthentication();
  if (wanted === '') return `${entity}/default`;
  if (!NAME_PATTERN.test(project)) throw badRequest('Invalid project name', { param: 'OpenAI-Project' });
  return `${entity}/${project}`;
}

/** The same key has the same id in every gateway, whatever the order of GATEWAY_KEYS. */
function apiKeyId(key: string): string {
  return `key_${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
}

function header(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(',') : (value ?? '')).trim();
}
