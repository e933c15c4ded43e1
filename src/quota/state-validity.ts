/**
 * From when on the states in Redis are valid. States from before a connection began may lack what was published while it was
 * down, and states from before the database came back may be of another database. So each connection has one of these, and a new one
 * makes every state invalid that Redis has already, and none that it gets from then on.
 */
export class StateValidity {
  private fromMs: number | Promise<number> | null = null;

  /** `readTimeMs` resolves with the time when Redis has answered. */
  constructor(private readonly readTimeMs: () => Promise<number>) {}

  /** In milliseconds. No promise once it is known, because nearly every decision asks. */
  validFromMs(): number | Promise<number> {
    this.fromMs ??= this.askRedis();
    return this.fromMs;
  }

  private async askRedis(): Promise<number> {
    try {
      return (this.fromMs = await this.readTimeMs());
    } catch (error) {
      this.fromMs = null;
      throw error;
    }
  }
}
