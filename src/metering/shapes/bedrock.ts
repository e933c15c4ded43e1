/**
 * Bedrock Converse: `inputTokens` are the uncached ones; what is read from a cache or written to it is counted apart.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html; the metrics of an invocation say `…TokenCount`.
 */
import type { Meter } from '../../domain/meters.js';
import { added, checkTotal, positive } from './parts.js';
import type { Shape } from './shape.js';
import { UsageFields, UsageRefusal } from './usage-fields.js';

const WRITES: ReadonlyMap<string, Meter> = new Map([
  ['5m', 'cache_write'],
  ['1h', 'cache_write_1h'],
]);

export const BEDROCK: Shape = {
  recognises: (fields) => fields.has('inputTokens', 'outputTokens', 'inputTokenCount', 'outputTokenCount'),
  read: (fields, operation) => {
    const input = fields.same('inputTokens', 'inputTokenCount');
    const output = fields.same('outputTokens', 'outputTokenCount');
    if (input === null || (output === null && operation !== 'embeddings')) {
      throw new UsageRefusal('', 'must have inputTokens and outputTokens');
    }
    const read = fields.same('cacheReadInputTokens', 'cacheReadInputTokenCount') ?? 0;
    const written = fields.same('cacheWriteInputTokens', 'cacheWriteInputTokenCount');
    const plain = input + (output ?? 0);
    checkTotal(fields.total('totalTokens'), [plain + read + (written ?? 0), plain], 'totalTokens');
    return {
      quantities: added(
        positive({ input, cached_input: read, output: output ?? 0 }),
        writtenOf(fields, written ?? 0),
      ),
    };
  },
};

function writtenOf(fields: UsageFields, written: number) {
  const sums: { [M in Meter]?: number } = {};
  let sum = 0;
  for (const [index, part] of fields.list('cacheDetails').entries()) {
    const counts = new UsageFields(part);
    const ttl = counts.text('ttl') ?? '5m';
    const meter = WRITES.get(ttl);
    const tokens = counts.count('inputTokens') ?? 0;
    if (meter === undefined && tokens > 0) {
      throw new UsageRefusal(`cacheDetails.${index}.ttl`, 'must be "5m" or "1h"');
    }
    if (meter !== undefined) sums[meter] = (sums[meter] ?? 0) + tokens;
    sum += tokens;
  }
  if (sum === 0) return { cache_write: written };
  if (sum !== written) throw new UsageRefusal('cacheDetails', 'must add up to cacheWriteInputTokens');
  return sums;
}
