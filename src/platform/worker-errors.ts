/**
 * What BullMQ says of its jobs by `error` events. It says the same of each of the hundreds that a worker has when Redis stops for longer
 * than their locks: here that is one line, and another every ten seconds, with how many were like it since.
 */
import type { LogFields, Logger } from './logger.js';
import { isLostConnection } from './redis-errors.js';

const SAID_AGAIN_MS = 10_000;
/** BullMQ has a few dozen; what a server adds to its own may differ each time. */
const KINDS_MAX = 100;

type Said = { readonly atMs: number; unsaid: number };

export class WorkerErrors {
  /** By message without the job's id. */
  private readonly said = new Map<string, Said>();

  /** @param event What the lines say happened. */
  constructor(
    private readonly logger: Logger,
    private readonly event: string,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** An outage of Redis is logged by its connection. */
  add(error: Error, fields: LogFields = {}): void {
    if (isLostConnection(error)) return;
    const kind = error.message.replace(/\bjob \S+/, 'job');
    const nowMs = this.nowMs();
    const said = this.said.get(kind);
    if (said !== undefined && nowMs - said.atMs < SAID_AGAIN_MS) {
      said.unsaid += 1;
      return;
    }
    if (this.said.size >= KINDS_MAX) this.said.clear();
    this.said.set(kind, { atMs: nowMs, unsaid: 0 });
    this.logger.error(this.event, error, said?.unsaid ? { ...fields, alike: said.unsaid } : fields);
  }
}
