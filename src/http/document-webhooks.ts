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

/** What the creation of a webhook leads to, in one: the type of the event tells the bodies apart. */
const ANY = 'WebhookEvent';

export type DescribedEvents = {
  readonly webhooks: object;
  /** Of the operation that creates a webhook: generators that pass over `webhooks` read them. */
  readonly callbacks: object;
  readonly schemas: Components;
};

export function webhooksOf(bodies: EventBodies): DescribedEvents {
  const schemas: Components = {};
  const references: object[] = [];
  const webhooks = Object.fromEntries(
    Object.entries(bodies).map(([type, body]) => {
      const { schema, components } = convert(body, 'output');
      Object.assign(schemas, components);
      references.push(schema);
      const { description: summary = type, example } = body.meta() ?? {};
      const post = sendingOf({ operationId: operationIdOf(type), summary, schema, example });
      return [type, { post }];
    }),
  );
  schemas[ANY] = { description: 'What a webhook is sent', oneOf: references };
  const post = sendingOf({
    operationId: 'onEvent',
    summary: 'Any event',
    schema: { $ref: referenceTo(ANY) },
  });
  return { webhooks, callbacks: { event: { '{$request.body#/url}': { post } } }, schemas };
}

/** `spend_alert.triggered` → `onSpendAlertTriggered`. */
function operationIdOf(type: string): string {
  return `on${type.replace(/(?:^|[._])([a-z])/g, (_, letter: string) => letter.toUpperCase())}`;
}

const FAILED = 'The event is sent again, under the same id';

function referenceTo(name: string): string {
  return `#/components/schemas/${name}`;
}

type Sending = {
  readonly operationId: string;
  readonly summary: string;
  readonly schema: object;
  readonly example?: unknown;
};

function sendingOf({ operationId, summary, schema, example }: Sending): object {
  const media = { schema, ...(example === undefined ? {} : { example }) };
  return {
    operationId,
    summary,
    description:
      'Sent to the webhooks of the entity and to those of all entities. No answer within ten seconds is a failure, as every status ' +
      'but 2xx is.',
    tags: ['webhooks'],
    // The receiver knows the service by the signature.
    security: [],
    parameters: HEADERS,
    requestBody: { required: true, content: { 'application/json': media } },
    responses: {
      '2XX': { description: 'The event was received; the body of the answer is not read' },
      '4XX': { description: FAILED },
      '5XX': { description: FAILED },
    },
  };
}
