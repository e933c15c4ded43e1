/** What the service sends to webhooks, for the document: one operation for each type of event, which the receiver answers. */
import type { z } from 'zod';
import { convert, type Components } from './document-conversion.js';

/** Bodies by the type of the event; their schemas have a description and an example. */
export type EventBodies = Readonly<Record<string, z.ZodType>>;

/** Standard Webhooks. */
const HEADERS = [
  {
    name: 'webhook-id',
    description: "The event's id: the same in every attempt, and in the body",
    schema: { type: 'string' },
    example: 'evt_9aXkQ2mZr0TbLw8YcVdN1e',
  },
  {
    name: 'webhook-timestamp',
    description: 'When this attempt was made, in unix seconds; refuse one that is more than five minutes old',
    schema: { type: 'integer' },
    example: 1_763_812_800,
  },
  {
    name: 'webhook-signature',
    description:
      'Standard Webhooks: `v1,` and the base64 of the HMAC-SHA256 of id, timestamp and body, joined by dots; two of them, with a space ' +
      'between, while a rotated secret still signs',
    schema: { type: 'string' },
    example: 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  },
].map((header) => ({ ...header, in: 'header', required: true }));

export function webhooksOf(bodies: EventBodies): { webhooks: object; schemas: Components } {
  const schemas: Components = {};
  const webhooks = Object.fromEntries(
    Object.entries(bodies).map(([type, body]) => {
      const { schema, components } = convert(body, 'output');
      Object.assign(schemas, components);
      return [type, { post: sendingOf(type, body, schema) }];
    }),
  );
  return { webhooks, schemas };
}

/** `spend_alert.triggered` → `onSpendAlertTriggered`. */
function operationIdOf(type: string): string {
  return `on${type.replace(/(?:^|[._])([a-z])/g, (_, letter: string) => letter.toUpperCase())}`;
}

function sendingOf(type: string, body: z.ZodType, schema: object): object {
  const { description = type, example } = body.meta() ?? {};
  return {
    operationId: operationIdOf(type),
    summary: description,
    description:
      'Sent to the webhooks of the entity and to those of all entities. An answer of another status than 2xx, or none within ten ' +
      'seconds, is a failure: the event is sent again.',
    tags: ['webhooks'],
    // The receiver knows the service by the signature.
    security: [],
    parameters: HEADERS,
    requestBody: { required: true, content: { 'application/json': { schema, example } } },
    responses: { '2XX': { description: 'The event was received; the body of the answer is not read' } },
  };
}
