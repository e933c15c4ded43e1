/** The model server of the gateway's bench, in a process of its own: it takes as long as a request says, and reports usage as vLLM does. */
import { createServer, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';

const USAGE = { prompt_tokens: 220, total_tokens: 284, completion_tokens: 64 };
const head = { id: 'chatcmpl-bench', object: 'chat.completion', created: 1_764_000_000, model: 'bench' };

type Asked = { stream: boolean; bench: { think_ms: number; events: number } };

const server = createServer((request, response) => {
  void text(request).then((body) => answer(JSON.parse(body) as Asked, response));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object') process.send!(`http://127.0.0.1:${address?.port}`);
});

async function answer({ stream, bench }: Asked, response: ServerResponse): Promise<void> {
  if (stream) {
    await answerStream(bench, response);
    return;
  }
  if (bench.think_ms > 0) await wait(bench.think_ms);
  const message = { role: 'assistant', content: 'word '.repeat(64) };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  const body = JSON.stringify({ ...head, choices, usage: USAGE });
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body);
}

async function answerStream(bench: Asked['bench'], response: ServerResponse): Promise<void> {
  const send = (data: object) => response.write(`data: ${JSON.stringify(data)}\n\n`);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let event = 0; event < bench.events; event += 1) {
    await wait(bench.think_ms);
    send({ ...head, choices: [{ index: 0, delta: { content: 'word ' }, finish_reason: null }] });
  }
  send({ ...head, choices: [], usage: USAGE });
  response.end('data: [DONE]\n\n');
}
