/** A hold as Redis keeps it: what the request asked for is one text, which two requests with the same id must share. */
import { picosFromNanos } from '@tally/client/protocol';
import type { EntityName, ProjectName } from '../domain/ids.js';
import type { Period } from '../domain/period.js';
import { DEFAULT_TIER } from '../domain/service-tier.js';
import type { Hold, HoldContent } from './reservation.js';

/** No name of a model has a line break. */
const BETWEEN_MODELS = '\n';
/** Before a count of bytes, to tell it from a count of tokens. */
const BYTES = 'b';
/** What a lease is kept as, and a request that a lease handed over. */
const LEASE = 'lease';
const LEASE_ID = 'lease_';

/** Models come last, because they alone may contain a colon. What few requests name is encoded after the output. */
export function contentText(content: HoldContent): string {
  const { subject, model, fallbacks, maxOutputTokens } = content;
  const output = `${maxOutputTokens ?? ''}${otherText(content)}`;
  const models = fallbacks.length === 0 ? model : [model, ...fallbacks].join(BETWEEN_MODELS);
  return [subject.project, inputText(content), output, models].join(':');
}

function inputText({ inputTokens, inputBytes }: HoldContent): string {
  if (inputTokens !== null) return String(inputTokens);
  return inputBytes === null ? '' : BYTES + String(inputBytes);
}

/** The default tier is the same by its name and without one. */
function otherText({ serviceTier, region, requestId, inputCount, outputCount }: HoldContent): string {
  const tier = serviceTier === DEFAULT_TIER ? '' : (serviceTier ?? '');
  const counts = inputCount === 1 && outputCount === 1 ? '' : `;${inputCount};${outputCount}`;
  if (tier === '' && region === null && requestId === null && counts === '') return '';
  return `;${encodeURIComponent(tier)};${encodeURIComponent(region ?? '')};${encodeURIComponent(requestId ?? '')}${counts}`;
}

export function readContent(entity: EntityName, content: string): HoldContent {
  const [project = '', input = '', outputAndOther = '', ...rest] = content.split(':');
  const [output = '', tier = '', region = '', requestId = '', inputCount = '1', outputCount = '1'] =
    outputAndOther.split(';');
  const [model = '', ...fallbacks] = rest.join(':').split(BETWEEN_MODELS);
  const isBytes = input.startsWith(BYTES);
  return {
    subject: { entity, project: project as ProjectName },
    model,
    fallbacks,
    inputTokens: isBytes ? null : countOrNull(input),
    inputBytes: isBytes ? countOrNull(input.slice(BYTES.length)) : null,
    maxOutputTokens: countOrNull(output),
    inputCount: Number(inputCount),
    outputCount: Number(outputCount),
    serviceTier: textOrNull(tier),
    region: textOrNull(region),
    requestId: textOrNull(requestId),
  };
}

function countOrNull(digits: string): number | null {
  return digits === '' ? null : Number(digits);
}

function textOrNull(encoded: string): string | null {
  return encoded === '' ? null : decodeURIComponent(encoded);
}

/** A request in flight, or a slice that a gateway decides on by itself. Of what came from a lease the model is not known. */
export type HeldThing = {
  readonly kind: 'request' | 'lease';
  readonly hold: Hold & { readonly isOfLease: boolean };
};

const HOLD = /^(\d+):(\d+):([^:/]+)\/?(\d*):([\s\S]*)$/;

/** Null for what is no hold. */
export function readHold(
  entity: EntityName,
  { id, expiresMs, text }: { id: string; expiresMs: number; text: string },
): HeldThing | null {
  const [, nanos, picos, period, since, content] = HOLD.exec(text) ?? [];
  if (content === undefined) return null;
  const isLease = id.startsWith(LEASE_ID);
  const read = readContent(entity, content);
  // The sequence of a lease's statement stands where a request has its input.
  const of = isLease ? { ...read, inputTokens: null } : read;
  const isOfLease = isLease || content.endsWith(`:::${LEASE}`);
  const holdPicos = isLease ? picosFromNanos(Number(nanos)) : BigInt(picos!);
  const sinceMs = since === '' ? null : Number(since);
  return {
    kind: isLease ? 'lease' : 'request',
    hold: { id, ...of, period: period as Period, holdPicos, expiresMs, sinceMs, isOfLease },
  };
}
