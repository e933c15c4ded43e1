/** A usage event as the database's JSON has it, in `event_content` and in conflicts, and as answers show it. Pure. */
import type { EntityName, ProjectName } from '../domain/ids.js';
import type { Quantities } from '../domain/meters.js';
import type { UsageEvent } from '../domain/usage.js';

/** The fields of a UsageEvent; its time is text. */
export type EventJson = Readonly<Record<string, unknown>>;

export function eventFromJson(json: EventJson): UsageEvent {
  return {
    ...(json as Omit<UsageEvent, 'occurredAt' | 'entity' | 'project' | 'quantities'>),
    entity: json['entity'] as EntityName,
    project: json['project'] as ProjectName,
    quantities: json['quantities'] as Quantities,
    occurredAt: new Date(json['occurredAt'] as string),
  };
}

/** As the API answers it. */
export function presentEvent(json: EventJson) {
  const event = eventFromJson(json);
  return {
    entity: event.entity,
    project: event.project,
    source: event.source,
    id: event.id,
    time: event.occurredAt.toISOString(),
    model: event.model,
    operation: event.operation,
    quantities: event.quantities,
    service_tier: event.serviceTier,
    region: event.region,
    attributes: event.attributes,
    unread: [...event.unread],
    usage: event.rawUsage,
    mended: [...event.mended],
    usage_source: event.usageSource,
    reservation_id: event.reservationId,
    api_key_id: event.apiKeyId,
    user_id: event.userId,
    request_id: event.requestId,
    tags: event.tags,
  };
}
