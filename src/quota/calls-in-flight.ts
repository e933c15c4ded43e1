/** Calls in flight by key: whoever makes a call that is in flight already waits for that one. */
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
