/** Calls in flight by key. A call with the same key as one in flight is not made: its caller waits for the other one. */
export class CallsInFlight<Key, T> {
  private readonly calls = new Map<Key, Promise<T>>();

  share(key: Key, start: () => Promise<T>): Promise<T> {
    const inFlight = this.calls.get(key);
    if (inFlight !== undefined) return inFlight;
    const call = start().finally(() => this.calls.delete(key));
    this.calls.set(key, call);
    return call;
  }
}
