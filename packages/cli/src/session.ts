/** What a command works with: the API, its output, and the person who may be asked. */
import { clientOf, type Api } from './api/client.js';
import { resultOf, type Job } from './api/jobs.js';
import { send, type Sending } from './api/requests.js';
import { connectionOf, type Connection } from './connection.js';
import { Output } from './shown/output.js';
import { Progress } from './shown/progress.js';
import { VERSION } from './version.js';

export type GlobalOptions = { readonly json?: boolean };

export class Session {
  readonly out: Output;
  /** Standard error: plans, questions, progress. Programs read `out`. */
  readonly notes: Output;
  private opened: Api | null = null;
  private at: Connection | null = null;

  constructor({ json = false }: GlobalOptions) {
    this.out = new Output(process.stdout, process.env, json);
    this.notes = new Output(process.stderr, process.env, false);
  }

  /** Throws WrongUse where no service is named. */
  get connection(): Connection {
    this.at ??= connectionOf(process.env);
    return this.at;
  }

  get api(): Api {
    this.opened ??= clientOf(this.connection, this.sending, VERSION);
    return this.opened;
  }

  private readonly sending: Sending = {
    onRetry: (why, ms) => this.notes.line(`${why}: retrying in ${Math.ceil(ms / 1000)} s`),
  };

  /** For paths that the API's document lacks. */
  async fetch(path: string): Promise<Response> {
    const request = new Request(`${this.connection.url}${path}`, { redirect: 'manual' });
    return send(request, this.sending);
  }

  get nowMs(): number {
    return Date.now();
  }

  get nowSeconds(): number {
    return Math.floor(Date.now() / 1000);
  }

  progress(): Progress {
    return new Progress(process.stderr);
  }

  /** What came of work that may be a job, with its progress shown meanwhile. */
  async result<T extends { readonly object: string }>(answer: T | Job): Promise<Exclude<T, Job>> {
    return resultOf<T>(this.api, answer, this.progress());
  }
}
