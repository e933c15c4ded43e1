/** Load on one HTTP server, from a process of its own: one event a request, in a closed loop. */
import { fullLoad } from './full-load.js';

export type ReportOrder = { readonly url: string; readonly apiKey: string; readonly count: number };

const CONNECTIONS = 64;
const ENTITIES = 20;

let sent = 0;

process.on('message', (order: ReportOrder) => {
  void run(order).then((result) => process.send?.(result));
});

function run({ url, apiKey, count }: ReportOrder) {
  return fullLoad({
    url,
    connections: CONNECTIONS,
    amount: count,
    requests: [
      {
        method: 'POST',
        path: '/v1/usage/events',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        setupRequest: (request) => ({ ...request, body: JSON.stringify(event((sent += 1))) }),
      },
    ],
  });
}

function event(index: number): object {
  return {
    specversion: '1.0',
    id: `bench-${process.pid}-${index}`,
    source: '/bench',
    type: 'ai.inference.usage.v1',
    subject: `entity${index % ENTITIES}/project${index % 3}`,
    time: new Date().toISOString(),
    data: {
      model: 'cw_meta-llama_Llama-3.3-70B-Instruct',
      operation: 'chat',
      usage: {
        prompt_tokens: 800 + (index % 100),
        completion_tokens: 200,
        total_tokens: 1_000 + (index % 100),
        prompt_tokens_details: { cached_tokens: 512 },
        completion_tokens_details: { reasoning_tokens: 64 },
      },
      api_key_id: 'key_7',
      user_id: 'u_9',
      request_id: `req_${index}`,
      usage_source: 'reported',
    },
  };
}
