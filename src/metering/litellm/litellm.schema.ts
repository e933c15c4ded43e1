/** LiteLLM's logs over HTTP: what the query says of them, and the receipt. */
import { z } from 'zod';
import { TEXT_LENGTH_MAX } from '@tally/client/protocol';
import { text } from '../../http/fields.js';
import { UsageReceipt } from '../usage-events.schema.js';
import { DEFAULT_SUBJECT, SUBJECT_FIELDS, SUBJECT_TEMPLATE } from './subject-template.js';

const SUBJECT = `must be "entity/project", where each may have ${SUBJECT_FIELDS.map((name) => `{${name}}`).join(', ')}, also as {${SUBJECT_FIELDS[0]}|name} with a name for logs without it`;

export const LitellmQuery = z.strictObject({
  subject: z
    .string({ error: SUBJECT })
    .max(TEXT_LENGTH_MAX, SUBJECT)
    .regex(SUBJECT_TEMPLATE, SUBJECT)
    .default(DEFAULT_SUBJECT)
    .meta({
      description: `Who pays, out of the log: ${SUBJECT_FIELDS.join(', ')} in braces, with a name for logs without it after a bar`,
      example: DEFAULT_SUBJECT,
    }),
  source: text(TEXT_LENGTH_MAX).optional().meta({
    description:
      'Which proxy it is: events have it as the tag `litellm_proxy`. It is no part of their identity',
    example: '/litellm/eu-1',
  }),
});
export type LitellmQuery = z.output<typeof LitellmQuery>;

export const LitellmReceipt = UsageReceipt.extend({
  left_out: z
    .array(
      z
        .object({
          index: z.int(),
          id: z.string().nullable().describe("LiteLLM's id of the call"),
          reason: z.enum(['cache_hit', 'failure']),
        })
        .meta({ id: 'LeftOutLog' }),
    )
    .describe('What nobody pays for'),
}).meta({
  id: 'LitellmReceipt',
  example: { object: 'usage.receipt', accepted: 1, rejected: [], left_out: [] },
});
export type LitellmReceipt = z.output<typeof LitellmReceipt>;

/** For the API's document: events are taken for 35 days. */
export function litellmLogAt(at: Date) {
  const endTime = Math.floor(at.getTime() / 1000);
  return {
    id: 'chatcmpl-5575d180',
    litellm_call_id: '6a43b82b-6638-4a18-9ba9-e9de2968a827',
    call_type: 'acompletion',
    cache_hit: false,
    status: 'success',
    startTime: endTime - 1,
    endTime,
    model: 'openai/meta-llama/Llama-3.3-70B-Instruct',
    model_group: 'cw_meta-llama_Llama-3.3-70B-Instruct',
    metadata: { user_api_key_org_id: 'entity1', user_api_key_team_id: 'project1' },
    response: {
      usage: {
        prompt_tokens: 8,
        completion_tokens: 10,
        total_tokens: 18,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 5 },
      },
    },
  };
}
