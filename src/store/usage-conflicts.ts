/** Events that came again under a counted identity but said something else: kept for review, never counted. */
import type { UsageEvent } from '../domain/usage.js';
import type { Tx } from './database.js';

export type Conflict = {
  readonly identity: string;
  readonly fingerprint: string;
  readonly event: UsageEvent;
  /** When the counted event occurred: where to find it. */
  readonly originalOccurredAt: Date;
};

/** Keeps each other content once and counts how often it came. */
export async function insertConflicts(tx: Tx, conflicts: readonly Conflict[], at: Date): Promise<void> {
  await tx.$executeRaw`
    insert into usage_conflicts as c (
      identity, other_fingerprint, entity, source, event_id, other_content, original_occurred_at,
      seen_count, first_seen_at, last_seen_at
    )
    select
      identity, fingerprint, min(entity), min(source), min(event_id), min(content)::jsonb, min(original_occurred_at),
      count(*), ${at}::timestamptz, ${at}::timestamptz
    from unnest(
      ${conflicts.map((c) => c.identity)}::uuid[],
      ${conflicts.map((c) => c.fingerprint)}::uuid[],
      ${conflicts.map((c) => c.event.entity)}::text[],
      ${conflicts.map((c) => c.event.source)}::text[],
      ${conflicts.map((c) => c.event.id)}::text[],
      ${conflicts.map((c) => JSON.stringify(c.event))}::text[],
      ${conflicts.map((c) => c.originalOccurredAt)}::timestamptz[]
    ) as t (identity, fingerprint, entity, source, event_id, content, original_occurred_at)
    group by identity, fingerprint
    order by identity, fingerprint
    on conflict (identity, other_fingerprint) do update set
      seen_count = c.seen_count + excluded.seen_count,
      last_seen_at = excluded.last_seen_at`;
}

export type ConflictRow = {
  readonly identity: string;
  readonly entity: string;
  readonly source: string;
  readonly event_id: string;
  readonly counted: unknown;
  readonly other: unknown;
  readonly seen_count: bigint;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
};

/** Newest first, each with the content that was counted and the one that was not. `entity` null lists all. */
export async function findConflicts(
  tx: Tx,
  args: { entity: string | null; limit: number },
): Promise<ConflictRow[]> {
  return tx.$queryRaw<ConflictRow[]>`
    select
      c.identity::text, c.entity, c.source, c.event_id, c.other_content as other,
      jsonb_build_object(
        'source', e.source, 'id', e.id, 'entity', e.entity, 'project', e.project, 'occurredAt', e.occurred_at,
        'model', e.model, 'operation', e.operation,
        'tokens', jsonb_build_object(
          'inputTokens', e.input_tokens, 'cachedInputTokens', e.cached_input_tokens,
          'outputTokens', e.output_tokens, 'reasoningTokens', e.reasoning_tokens
        ),
        'usageSource', e.usage_source, 'reservationId', e.reservation_id, 'apiKeyId', e.api_key_id,
        'userId', e.user_id, 'requestId', e.request_id, 'tags', e.tags
      ) as counted,
      c.seen_count, c.first_seen_at, c.last_seen_at
    from usage_conflicts c
    left join usage_events e on e.occurred_at = c.original_occurred_at and e.identity = c.identity
    where ${args.entity}::text is null or c.entity = ${args.entity}::text
    order by c.last_seen_at desc, c.identity, c.other_fingerprint
    limit ${args.limit}::integer`;
}
