/** What a reader of one server's usage is. */
import type { Quantities } from '../../domain/meters.js';
import type { UsageFields } from './usage-fields.js';

export type Read = {
  readonly quantities: Quantities;
  readonly serviceTier?: string | null;
  readonly region?: string | null;
  readonly attributes?: Readonly<Record<string, string>>;
};

export type Shape = {
  /** Whether the object has fields that this server alone reports. */
  readonly recognises: (fields: UsageFields, operation: string) => boolean;
  /** Throws a UsageRefusal. */
  readonly read: (fields: UsageFields, operation: string) => Read;
};

/** Operations that report one side only: what goes in, or what the answer is made of. */
const ONE_SIDED: ReadonlySet<string> = new Set([
  'embeddings',
  'rerank',
  'moderations',
  'audio.speech',
  'audio.transcriptions',
  'images',
]);

export function isOneSided(operation: string): boolean {
  return ONE_SIDED.has(operation);
}
