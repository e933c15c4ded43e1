/** Entries of one generation, about a kilobyte each. More would outlive what a collection of the young copies. */
const REMEMBERED_MAX = 1_000;

/**
 * Keeps what was made of things that were seen lately, by the text that tells them apart. In two generations, for a map that
 * drops its oldest entry one by one walks over the places of those it has dropped.
 */
export function remembered<Of, Made>(textOf: (of: Of) => string, make: (of: Of) => Made): (of: Of) => Made {
  let young = new Map<string, Made>();
  let old = new Map<string, Made>();
  return (of) => {
    const text = textOf(of);
    const known = young.get(text);
    if (known !== undefined) return known;
    if (young.size === REMEMBERED_MAX) [young, old] = [new Map(), young];
    const made = old.get(text) ?? make(of);
    young.set(text, made);
    return made;
  };
}
