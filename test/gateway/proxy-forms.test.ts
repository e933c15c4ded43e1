/** Uploads through the gateway: recordings and pictures in forms. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CALLER_KEY } from '../support/gateway.js';
import { json } from '../support/model-server.js';
import { aProxyWorld, closeWorld, onlyEvent, type ProxyWorld } from '../support/proxy.js';

const USAGE = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };

let world: ProxyWorld;

beforeEach(async () => {
  world = await aProxyWorld(json({ usage: USAGE }));
});

afterEach(() => closeWorld(world));

describe('a form', () => {
  const wav = Buffer.alloc(44 + 32_000 * 3 - 1);
  wav.write('RIFF', 0);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt32LE(32_000, 28);

  function form(fields: readonly [string, string][]): FormData {
    const data = new FormData();
    data.append('file', new Blob([Uint8Array.from(wav)]), 'a.wav');
    for (const [name, value] of fields) data.append(name, value);
    return data;
  }

  const upload = (fields: readonly [string, string][], path = '/v1/audio/transcriptions') =>
    fetch(`${world.gateway.url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${CALLER_KEY}` },
      body: form(fields),
    });

  it('with a recording arrives byte for byte, wherever its model stands, and is charged what the server says', async () => {
    world.model.answer = json({ text: 'Hi', usage: { type: 'duration', seconds: 4 } });
    await upload([
      ['language', 'en'],
      ['model', 'whisper'],
    ]);
    const got = await new Response(Uint8Array.from(world.model.asked[0]!.body), {
      headers: { 'content-type': String(world.model.asked[0]!.headers['content-type']) },
    }).formData();
    const file = got.get('file') as File;
    expect(Buffer.from(await file.arrayBuffer()).equals(wav)).toBe(true);
    expect([...got.keys()]).toEqual(['file', 'language', 'model']);
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({
      model: 'whisper',
      operation: 'audio.transcriptions',
      usage: { type: 'duration', seconds: 4 },
      usage_source: 'reported',
    });
  });

  it('whose answer is a text is charged an estimate by the length of the recording', async () => {
    world.model.answer = (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('Hi');
    await upload([
      ['model', 'whisper'],
      ['response_format', 'text'],
    ]);
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({ usage: { type: 'duration', seconds: 4 }, usage_source: 'estimated' });
  });

  it('whose answer has a duration is charged by it', async () => {
    world.model.answer = json({ task: 'transcribe', duration: '8.47', text: 'Hi' });
    await upload([
      ['model', 'whisper'],
      ['response_format', 'verbose_json'],
    ]);
    const { data } = await onlyEvent(world.tally, world.gateway);
    expect(data).toMatchObject({ usage: { type: 'duration', seconds: 9 }, usage_source: 'reported' });
  });

  it('with pictures may have several of them, and one model', async () => {
    world.model.answer = json({ data: [{}] });
    expect(
      (
        await upload(
          [
            ['image[]', 'a'],
            ['image[]', 'b'],
            ['model', 'm'],
          ],
          '/v1/images/edits',
        )
      ).status,
    ).toBe(200);
    const twice = await upload(
      [
        ['model', 'm'],
        ['model', 'dearer'],
      ],
      '/v1/images/edits',
    );
    expect(twice.status).toBe(400);
    const none = await upload([], '/v1/images/edits');
    expect(none.status).toBe(400);
    expect(world.model.asked).toHaveLength(1);
  });
});
