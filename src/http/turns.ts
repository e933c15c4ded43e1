/**
 * Bounds how many requests of one customer run at a time; the others queue. All customers share the connections for reports and for changes,
 * so without a bound one customer's reports could occupy all of them and the queue before them. Calls that a gateway waits for are exempt:
 * they use other connections.
 */
import type { ServerResponse } from 'node:http';
import { TallyError } from '../domain/errors.js';
import { Gate } from '../platform/gate.js';
import { Unavailable } from '../platform/unavailable.js';

/** Less than there are connections for reports. */
export const RUNNING_MAX = 3;
export const WAITING_MAX = 100;
const WAIT_MS_MAX = 10_000;

type OfCustomer = { readonly gate: Gate; requests: number };

type Turn = { isAnswered: boolean; readonly leave: () => void };

export class Turns {
  /** Those who have requests now. */
  private readonly customers = new Map<string, OfCustomer>();
  /** Of requests that have it. */
  private readonly taken = new WeakMap<ServerResponse, Turn>();

  /**
   * Resolves when it is the turn of a request of this entity. It gives the turn back once it is answered and its response has ended: one
   * whose caller has gone still works. Throws where its caller went while it waited.
   */
  async take(entity: string, response: ServerResponse): Promise<void> {
    const leave = await this.enter(entity);
    if (response.closed) {
      leave();
      throw new TallyError('invalid_request', 'The request ended before its turn came');
    }
    const turn = { isAnswered: false, leave };
    this.taken.set(response, turn);
    response.once('close', () => {
      if (turn.isAnswered) leave();
    });
  }

  /** Call it when the answer of a request is known, whether or not it can still be sent. */
  answered(response: ServerResponse): void {
    const turn = this.taken.get(response);
    if (turn === undefined || turn.isAnswered) return;
    turn.isAnswered = true;
    if (response.closed) turn.leave();
  }

  private async enter(entity: string): Promise<() => void> {
    const customer = this.customers.get(entity) ?? { gate: newGate(), requests: 0 };
    this.customers.set(entity, customer);
    customer.requests += 1;
    try {
      const leave = await customer.gate.enter();
      return () => {
        leave();
        this.ended(entity, customer);
      };
    } catch (error) {
      this.ended(entity, customer);
      if (!(error instanceof Unavailable)) throw error;
      throw new TallyError('rate_limit_exceeded', 'Rate limit reached for requests', { cause: error });
    }
  }

  private ended(entity: string, customer: OfCustomer): void {
    customer.requests -= 1;
    if (customer.requests === 0) this.customers.delete(entity);
  }
}

function newGate(): Gate {
  return new Gate({
    name: 'requests of an entity',
    runningMax: RUNNING_MAX,
    waitingMax: WAITING_MAX,
    waitMsMax: WAIT_MS_MAX,
  });
}
