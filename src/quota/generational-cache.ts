/** Results of pure functions of recent arguments. */

/** Entries of one generation, about a kilobyte each. More of them would outlive V8's collections of its young generation. */
const ENTRIES_MAX = 1_000;

/**
 * Remembers the results of `make` for recent arguments, by the key that tells them apart. It keeps two generations and drops the
 * older one as a whole: a map that drops its oldest entry each time must step over the places of all those dropped before.
 */
export function cacheByKey<Of, Made>(keyOf: (of: Of) => string, make: (of: Of) => Made): (of: Of) => Made {
  let young = new Map<string, Made>();
  let old = new Map<string, Made>();
  return (of) => {
    const key = keyOf(of);
    const known = young.get(key);
    if (known !== undefined) return known;
    if (young.size === ENTRIES_MAX) [young, old] = [new Map(), young];
    const made = old.get(key) ?? make(of);
    young.set(key, made);
    return made;
  };
}
