/** The usual requests of a gateway, read by hand: zod takes ten times as long. */
import {
  ANSWERS_MAX,
  HOLD_SECONDS_DEFAULT,
  HOLD_SECONDS_MAX,
  ID_LENGTH_MAX,
  TOKENS_MAX,
} from '@tally/client/protocol';
import { parseSubject } from '../domain/ids.js';
import { canonicalTier } from '../domain/service-tier.js';
import type { ReservationOrder } from './quota.schema.js';

const ASCII = /^[\x20-\x7e]+$/;

type Named = Record<keyof ReservationOrder, unknown>;

/** What the schema of the same name gives; null where only the schema can tell, such as for every body that it refuses. */
export function readUsualOrder(value: unknown): ReservationOrder | null {
  if (typeof value !== 'object' || value === null || !hasOnlyKnownFields(value)) return null;
  const { project, model, input_tokens, input_bytes, max_output_tokens } = value as Named;
  const { input_count, output_count, service_tier, region, request_id, ttl_seconds } = value as Named;
  const subject = typeof project === 'string' ? parseSubject(project) : null;
  if (subject === null || !isText(model, 256)) return null;
  if (!isCountOrNone(input_tokens) || !isCountOrNone(input_bytes) || !isCountOrNone(max_output_tokens))
    return null;
  if (!isNumberOfOrNone(input_count) || !isNumberOfOrNone(output_count)) return null;
  if (
    !isTextOrNone(service_tier, 64) ||
    !isTextOrNone(region, 64) ||
    !isTextOrNone(request_id, ID_LENGTH_MAX)
  )
    return null;
  const ttl = ttl_seconds === undefined ? HOLD_SECONDS_DEFAULT : ttl_seconds;
  if (!isInteger(ttl, 1, HOLD_SECONDS_MAX)) return null;
  return {
    project: subject,
    model,
    input_tokens,
    input_bytes,
    max_output_tokens,
    input_count,
    output_count,
    service_tier: typeof service_tier === 'string' ? canonicalTier(service_tier) : service_tier,
    region,
    request_id,
    ttl_seconds: ttl,
  };
}

/** The same for a release: a path in plain characters, and no fields. */
export function isUsualRelease({ params, body }: { params: unknown; body: unknown }): boolean {
  return isText((params as { id: unknown }).id, 256) && (body === undefined || isEmptyObject(body));
}

function isEmptyObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const _ in value) return false;
  return true;
}

function hasOnlyKnownFields(value: object): boolean {
  for (const name in value) {
    switch (name) {
      case 'project':
      case 'model':
      case 'input_tokens':
      case 'input_bytes':
      case 'max_output_tokens':
      case 'input_count':
      case 'output_count':
      case 'service_tier':
      case 'region':
      case 'request_id':
      case 'ttl_seconds':
        break;
      default:
        return false;
    }
  }
  return true;
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isCountOrNone(value: unknown): value is number | null | undefined {
  return value === undefined || value === null || isInteger(value, 0, TOKENS_MAX);
}

function isNumberOfOrNone(value: unknown): value is number | null | undefined {
  return value === undefined || value === null || isInteger(value, 1, ANSWERS_MAX);
}

/** Other characters than these may be printable too, which is for the schema to say. */
function isText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length <= lengthMax && ASCII.test(value);
}

function isTextOrNone(value: unknown, lengthMax: number): value is string | null | undefined {
  return value === undefined || value === null || isText(value, lengthMax);
}
