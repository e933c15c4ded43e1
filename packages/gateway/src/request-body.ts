/** What a caller may send. Unknown parameters are accepted, as in a real gateway. */
import { z } from 'zod';
import { MODELS, type Operation } from './models.js';
import { badRequest, modelNotFound } from './openai-error.js';

export type ChatBody = z.infer<typeof chatBody>;
export type EmbeddingsBody = z.infer<typeof embeddingsBody>;

export const readChatBody = (body: unknown) => readBody(body, chatBody, 'chat');
export const readEmbeddingsBody = (body: unknown) => readBody(body, embeddingsBody, 'embeddings');

const TOKEN_LIMIT = 'must be an integer from 1 to 1000000';
const tokenLimit = z
  .int({ error: TOKEN_LIMIT })
  .min(1, { error: TOKEN_LIMIT })
  .max(1_000_000, { error: TOKEN_LIMIT })
  .nullish();

const AN_OBJECT = { error: 'must be an object' };
const TRUE_OR_FALSE = { error: 'must be true or false' };

const contentPart = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.looseObject({ url: z.string() }) }),
]);

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool', 'function'] as const;
const message = z.looseObject(
  {
    role: z.enum(ROLES, { error: `must be one of ${ROLES.map((role) => `"${role}"`).join(', ')}` }),
    content: z
      .union([z.string(), z.array(contentPart)], {
        error:
          'must be a text, or a list of {"type":"text","text":…} and {"type":"image_url","image_url":{"url":…}}',
      })
      .nullish(),
  },
  AN_OBJECT,
);

const MESSAGES = { error: 'must be a list of at least 1 message' };
const MODEL = { error: "must be a model's id" };
const USER = { error: 'must be a text of at most 128 characters' };
const user = z.string(USER).max(128, USER).optional();

const chatBody = z
  .looseObject({
    model: z.string(MODEL),
    messages: z.array(message, MESSAGES).min(1, MESSAGES),
    max_tokens: tokenLimit,
    max_completion_tokens: tokenLimit,
    n: z.literal(1, { error: 'must be 1' }).nullish(),
    stream: z.boolean(TRUE_OR_FALSE).nullish(),
    stream_options: z
      .looseObject({ include_usage: z.boolean(TRUE_OR_FALSE).optional() }, AN_OBJECT)
      .nullish(),
    user,
  })
  .refine((body) => body.stream === true || !body.stream_options, {
    path: ['stream_options'],
    error: 'is only allowed when stream is true',
  });

const EMPTY = { error: 'must not be empty' };
const INPUT = { error: 'must be a text, a list of token ids, or a list of up to 2048 of these' };
const text = z.string().min(1, EMPTY);
const tokenIds = z.array(z.int().min(0, { error: 'must not be negative' })).min(1, EMPTY);

const embeddingsBody = z.looseObject({
  model: z.string(MODEL),
  input: z.union(
    [
      text,
      z.array(text).min(1, EMPTY).max(2048, INPUT),
      tokenIds,
      z.array(tokenIds).min(1, EMPTY).max(2048, INPUT),
    ],
    INPUT,
  ),
  encoding_format: z.enum(['float', 'base64'], { error: 'must be "float" or "base64"' }).default('float'),
  dimensions: z.literal(1024, { error: 'must be 1024' }).optional(),
  user,
});

function readBody<T extends { model: string }>(body: unknown, shape: z.ZodType<T>, operation: Operation): T {
  const read = shape.safeParse(body);
  if (!read.success) throw malformed(body, read.error);
  const known = MODELS.find((model) => model.id === read.data.model);
  if (known === undefined) throw modelNotFound(read.data.model);
  if (known.operation !== operation) {
    throw badRequest(`The model is for ${known.operation}, not for ${operation}`, { param: 'model' });
  }
  return read.data;
}

/** Names the first wrong parameter as OpenAI does, such as `messages[0].role`. */
function malformed(body: unknown, error: z.ZodError) {
  const issue = error.issues[0];
  if (issue === undefined || issue.path.length === 0)
    return badRequest('The request body must be a JSON object');
  const param = issue.path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`));
  const name = param.join('').slice(1);
  const given = issue.path.reduce<unknown>((value, step) => Object(value)[step], body);
  if (given === undefined) {
    return badRequest(`Missing required parameter: '${name}'.`, {
      param: name,
      code: 'missing_required_parameter',
    });
  }
  return badRequest(`Invalid value for '${name}': ${issue.message}.`, { param: name, code: 'invalid_value' });
}
