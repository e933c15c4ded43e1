/** What a caller may send. Unknown parameters are accepted, as in a real gateway. */
import { z } from 'zod';
import { MODELS, type Operation } from './models.js';
import { badRequest, modelNotFound } from './openai-error.js';

export type ChatBody = z.infer<typeof chatBody>;
export type EmbeddingsBody = z.infer<typeof embeddingsBody>;

export const readChatBody = (body: unknown) => readBody(body, chatBody, 'chat');
export const readEmbeddingsBody = (body: unknown) => readBody(body, embeddingsBody, 'embeddings');

const tokenLimit = z.int().min(1).max(1_000_000).nullish();

const contentPart = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.looseObject({ url: z.string() }) }),
]);

const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.array(contentPart)]).nullish(),
});

const user = z.string().max(128).optional();

const chatBody = z
  .looseObject({
    model: z.string(),
    messages: z.array(message).min(1),
    max_tokens: tokenLimit,
    max_completion_tokens: tokenLimit,
    n: z.literal(1, { error: 'only 1 is supported' }).nullish(),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
    user,
  })
  .refine((body) => body.stream === true || !body.stream_options, {
    path: ['stream_options'],
    error: 'only allowed when stream is enabled',
  });

const tokenIds = z.array(z.int().min(0)).min(1);

const embeddingsBody = z.looseObject({
  model: z.string(),
  input: z.union([
    z.string().min(1),
    z.array(z.string().min(1)).min(1).max(2048),
    tokenIds,
    z.array(tokenIds).min(1).max(2048),
  ]),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.literal(1024, { error: 'the model has 1024 dimensions' }).optional(),
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
