/**
 * One request on its way to a model server, and its answer on the way back: bytes go to the caller as they come, as fast as the caller
 * takes them, and are read in passing.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Transform } from 'node:stream';
import type { Dispatcher } from 'undici';
import { answerBodyOf, type AnswerBody } from './answer-body.js';
import { headerText, toCaller } from './passed-headers.js';
import type { Upstream } from './upstreams.js';

export interface PassageOptions {
  readonly upstream: Upstream;
  /** With `/v1`, and the query. */
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Record<string, string>;
  readonly bytes: Buffer | null;
  readonly requestId: string;
  readonly hidesUsage: boolean;
  /** Whether a caller that hangs up ends the server's work; otherwise it runs on for nobody. */
  readonly stopsWithCaller: boolean;
  readonly response: ServerResponse;
  /** Sends the status line and the headers. */
  readonly begin: (status: number, headers: OutgoingHttpHeaders) => void;
}

export interface PassageEnd {
  /**
   * `refused`: the server answered with an error, which the caller has. `cut`: the server broke its answer off. `stopped`: the caller
   * hung up, or the gateway ended, before the server had finished.
   */
  readonly how: 'whole' | 'refused' | 'cut' | 'stopped';
  /** Null where no answer had begun. */
  readonly body: AnswerBody | null;
}

/** The server could not be asked, or did not answer, or its answer is not one for a caller. */
export class UpstreamFailure extends Error {
  readonly isTimeout: boolean;

  constructor(message: string, details: { isTimeout?: boolean; cause?: unknown } = {}) {
    super(message, { cause: details.cause });
    this.isTimeout = details.isTimeout ?? false;
  }
}

/** A caller that takes nothing for this long is treated as one that has hung up. */
const STALL_MS_MAX = 300_000;

class Stopped extends Error {}

export class Passage {
  private readonly options: PassageOptions;
  private controller: Dispatcher.DispatchController | null = null;
  private body: AnswerBody | null = null;
  private decoder: Transform | null = null;
  private isRefused = false;
  private isStopped = false;
  private callerIsGone = false;
  /** What the server waits for: the caller, or the decoder. */
  private waiting = 0;
  private drained: (() => void) | null = null;
  private stall: NodeJS.Timeout | undefined;
  private resolve: (end: PassageEnd) => void = () => {};
  private reject: (error: Error) => void = () => {};

  constructor(options: PassageOptions) {
    this.options = options;
  }

  /** Throws UpstreamFailure where the caller has got nothing yet. */
  run(): Promise<PassageEnd> {
    const { upstream, path, method, headers, bytes, response } = this.options;
    const ended = new Promise<PassageEnd>((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    response.once('close', () => this.hangUp());
    upstream.pool.dispatch(
      { path: `${upstream.path}${path}`, method, headers, body: bytes },
      {
        onRequestStart: (controller) => this.start(controller),
        onResponseStart: (_controller, status, answerHeaders) => this.answer(status, answerHeaders),
        onResponseData: (_controller, chunk) => this.take(chunk),
        onResponseEnd: () => this.finish(),
        onResponseError: (_controller, error) => this.fail(error),
      },
    );
    return ended;
  }

  /** Ends the server's work. What it has produced so far counts. */
  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.controller?.abort(new Stopped());
  }

  private hangUp(): void {
    if (this.options.response.writableFinished) return;
    this.callerIsGone = true;
    this.drained?.();
    // A plain answer that has begun is done: its end has the usage.
    if (this.options.stopsWithCaller && this.body?.kind !== 'json') this.stop();
  }

  private start(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isStopped) controller.abort(new Stopped());
  }

  private answer(status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    const { requestId, hidesUsage, begin } = this.options;
    // The key is the gateway's, and so is the address: neither concerns the caller.
    if (status < 400 && status >= 300)
      throw new UpstreamFailure(`the upstream answered ${status}, a redirection`);
    if (status === 401 || status === 407)
      throw new UpstreamFailure(`the upstream answered ${status}: GATEWAY_UPSTREAM_KEY is wrong or missing`);
    this.isRefused = status >= 400;
    this.body = answerBodyOf(this.isRefused ? {} : headers, { hidesUsage });
    if (this.body.kind !== 'other') this.decoder = decoderOf(headerText(headers, 'content-encoding'));
    this.decoder?.on('data', (bytes: Buffer) => this.read(bytes));
    this.decoder?.on('error', () => this.decoder?.destroy());
    if (this.callerIsGone) return;
    begin(status, toCaller(headers, { requestId, isWhole: !this.isFiltered() }));
    if (this.body.kind === 'stream') this.options.response.flushHeaders();
  }

  private take(chunk: Buffer): void {
    if (this.decoder === null) {
      this.send(this.body!.push(chunk));
      return;
    }
    if (!this.isFiltered()) this.send(chunk);
    if (this.decoder.destroyed || this.decoder.write(chunk)) return;
    this.pause();
    const { decoder } = this;
    const ready = () => {
      decoder.off('drain', ready).off('close', ready);
      this.resume();
    };
    decoder.on('drain', ready).on('close', ready);
  }

  /** Whether a chunk is taken out of the bytes: then the caller gets them decoded. */
  private isFiltered(): boolean {
    return this.options.hidesUsage && this.body?.kind === 'stream';
  }

  private read(bytes: Buffer): void {
    const shown = this.body!.push(bytes);
    if (this.isFiltered()) this.send(shown);
  }

  private send(bytes: Buffer): void {
    const { response } = this.options;
    if (bytes.length === 0 || this.callerIsGone || response.write(bytes) || this.drained !== null) return;
    this.pause();
    this.stall = setTimeout(() => response.destroy(), STALL_MS_MAX);
    this.drained = () => {
      response.off('drain', this.drained!);
      this.drained = null;
      clearTimeout(this.stall);
      this.resume();
    };
    response.on('drain', this.drained);
  }

  private pause(): void {
    this.waiting += 1;
    this.controller?.pause();
  }

  private resume(): void {
    this.waiting -= 1;
    if (this.waiting === 0) this.controller?.resume();
  }

  private finish(): void {
    const { decoder } = this;
    if (decoder === null || decoder.destroyed) this.close();
    else {
      decoder.once('close', () => this.close());
      decoder.end();
    }
  }

  private close(): void {
    const { response } = this.options;
    this.send(this.body!.end());
    if (!this.callerIsGone) response.end();
    this.resolve({ how: this.isRefused ? 'refused' : 'whole', body: this.body });
  }

  private fail(error: Error): void {
    clearTimeout(this.stall);
    if (error instanceof Stopped) {
      this.body?.end();
      this.options.response.destroy();
      this.resolve({ how: 'stopped', body: this.body });
    } else if (this.body === null) this.reject(failureOf(error));
    else {
      this.send(this.body.end());
      // The caller gets what came, and by the missing end knows that it is not whole.
      this.options.response.socket?.destroySoon();
      this.resolve({ how: this.isRefused ? 'refused' : 'cut', body: this.body });
    }
  }
}

function failureOf(error: Error): UpstreamFailure {
  if (error instanceof UpstreamFailure) return error;
  const isTimeout = 'code' in error && /TIMEOUT|ETIMEDOUT/.test(String(error.code));
  return new UpstreamFailure(`the upstream did not answer: ${error.message}`, { isTimeout, cause: error });
}

/** Null for what is not compressed, or in a way that Node does not know: then the caller gets it, and nothing is read. */
function decoderOf(encoding: string): Transform | null {
  switch (encoding.toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      return null;
  }
}
