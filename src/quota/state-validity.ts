/**
 * From when on the states in Redis are valid. States from before a connection began may lack what was published while it was
 * down, and states from before the database came back may be of another database.
 */
export class StateValidity {
  private fromMs: number | Promise<number> | null = null;
  private invalidations = 0;

  /** `readTimeMs` resolves with the time when Redis has answered. */
  constructor(private readonly readTimeMs: () => Promise<number>) {}

  /** Rejects no state that Redis gets from now on, and every one that it has already. */
  invalidate(): void {
    this.invalidations += 1;
    this.fromMs = null;
  }

  /** In milliseconds. No promise once it is known, because nearly every decision asks. */
  validFromMs(): number | Promise<number> {
    this.fromMs ??= this.askRedis();
    return this.fromMs;
  }

  private async askRedis(): Promise<number> {
    const before = this.invalidations;
    const keep = (timeMs: number | null) => {
      if (before === this.invalidations) this.fromMs = timeMs;
    };
    try {
      const timeMs = await this.readTimeMs();
      keep(timeMs);
      return timeMs;
    } catch (error) {
      keep(null);
      throw error;
    }
  }
}
