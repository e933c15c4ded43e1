/**
 * A real trace of LLM requests as usage events. Times and tokens are the trace's; projects and models are assigned here, and how many
 * of a prompt's tokens were cached is assumed.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { usageEvent, type UsageEvent } from '@tally/client';
import { cachedTokens, type TracedRequest } from './conversations.js';

const TRACE = new URL('../../data/azure-llm-2023-conv.csv', import.meta.url);

export async function readTrace(): Promise<TracedRequest[]> {
  const requests: TracedRequest[] = [];
  for await (const line of createInterface({ input: createReadStream(TRACE) })) {
    const [time = '', prompt = '', completion = ''] = line.split(',');
    if (time === 'TIMESTAMP' || time === '') continue;
    requests.push({
      time: new Date(`${time.replace(' ', 'T').slice(0, 23)}Z`),
      promptTokens: Number(prompt),
      completionTokens: Number(completion),
    });
  }
  return requests;
}

/** Each project's share of the trace. */
const PROJECTS = [
  ...Array<string>(5).fill('acme/chat'),
  ...Array<string>(2).fill('acme/search'),
  ...Array<string>(4).fill('globex/support'),
  'globex/research',
  ...Array<string>(3).fill('initech/assistant'),
];

/**
 * The trace as events, shifted in time so that it ends now. `run` is part of each event's source: another run is new usage,
 * while the same run sent twice is not. Models are assigned by position, so every project uses every model.
 */
export function eventsOf(
  trace: readonly TracedRequest[],
  options: { run: string; now: Date; models: readonly string[] },
): UsageEvent[] {
  const { run, now, models } = options;
  const shiftMs = now.getTime() - Math.max(...trace.map((request) => request.time.getTime()));
  const projectOf = (index: number): string => PROJECTS[index % PROJECTS.length]!;
  const modelOf = (index: number): string => models[(index * 7 + Math.floor(index / 11)) % models.length]!;
  const cached = cachedTokens(trace, (index) => `${projectOf(index)} ${modelOf(index)}`);
  return trace.map((request, index) =>
    usageEvent({
      id: `request-${index}`,
      source: `/demo/${run}`,
      project: projectOf(index),
      time: new Date(request.time.getTime() + shiftMs),
      model: modelOf(index),
      operation: 'chat',
      usage: {
        prompt_tokens: request.promptTokens,
        completion_tokens: request.completionTokens,
        total_tokens: request.promptTokens + request.completionTokens,
        prompt_tokens_details: { cached_tokens: cached[index]! },
      },
    }),
  );
}
