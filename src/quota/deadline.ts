/** Waiting that ends: a decision rather goes on without an answer than keep a customer's request. */

/** A wait is over after this many parts of it, so that time in which this process was busy itself counts for one part only. */
const PARTS = 10;

export class DeadlineError extends Error {
  constructor(readonly ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = 'DeadlineError';
  }
}

/**
 * Rejects with a DeadlineError when the promise takes longer; what it does goes on, and its outcome is nobody's. A process with
 * more requests than it can serve reads its answers late: a plain timer would take that for a server that is away, and
 * Postgres would decide without holds just when many requests come at once. So each part lets waiting answers in first.
 */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    let parts = 0;
    timer = setInterval(() => {
      parts += 1;
      if (parts === PARTS) reject(new DeadlineError(ms));
    }, ms / PARTS);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearInterval(timer);
  }
}
