/** The price versions that counting has read, of one state of the book. They stay right until the book changes. */
import type { PriceRow } from './price-row.js';

/** Models that are kept before it starts over. */
const MODELS_MAX = 10_000;

export class VersionsAtHand {
  private newestId: bigint | null = null;
  private byModel = new Map<string, readonly PriceRow[]>();

  /**
   * All versions of the models in the book whose newest version is `newestId`. `read` reads those that are not at hand, in the transaction
   * that read `newestId` under the book's lock.
   */
  async asOf(
    { models, newestId }: { models: readonly string[]; newestId: bigint },
    read: (models: readonly string[]) => Promise<readonly PriceRow[]>,
  ): Promise<PriceRow[]> {
    if (this.newestId !== newestId || this.byModel.size > MODELS_MAX) {
      this.byModel = new Map();
      this.newestId = newestId;
    }
    // Another batch may have replaced it by the time that the versions are read.
    const { byModel } = this;
    const missing = models.filter((model) => !byModel.has(model));
    if (missing.length > 0) {
      const versions = await read(missing);
      for (const model of missing)
        byModel.set(
          model,
          versions.filter((version) => version.model === model),
        );
    }
    return models.flatMap((model) => byModel.get(model) ?? []);
  }

  /** A database that was restored from a backup may have other versions under the same ids. */
  clear(): void {
    this.newestId = null;
  }
}
