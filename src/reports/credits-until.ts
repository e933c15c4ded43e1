/** When credits end at the pace at which they were spent of late. Pure. */
import { DAY_MS } from '../domain/buckets.js';
import { PACE_DAYS } from '../domain/pace.js';

const PACE_MS = PACE_DAYS * DAY_MS;

/** Nobody plans for longer, and Date ends somewhere. */
export const LASTING_DAYS_MAX = 10 * 365;
const LASTING_MS_MAX = BigInt(LASTING_DAYS_MAX) * BigInt(DAY_MS);

/** Null where there is nothing that could end, or not within ten years. `pacePicos` is the spend of seven days. */
export function creditsUntil(of: { at: Date; creditsPicos: bigint; pacePicos: bigint }): Date | null {
  const { at, creditsPicos, pacePicos } = of;
  if (creditsPicos <= 0n || pacePicos <= 0n) return null;
  const lastingMs = (creditsPicos * BigInt(PACE_MS)) / pacePicos;
  return lastingMs > LASTING_MS_MAX ? null : new Date(at.getTime() + Number(lastingMs));
}
