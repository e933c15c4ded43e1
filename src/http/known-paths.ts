/** Which methods a path has. */

const PATH_CHARACTERS_MAX = 2_048;

export class KnownPaths {
  private readonly methods = new Map<string, Set<string>>();
  private readonly patterns = new Map<string, RegExp>();

  /** `/v1/admin/keys/:id`. */
  add(methods: string | readonly string[], path: string): void {
    if (path.includes('*')) return;
    const known = this.methods.get(path) ?? new Set();
    for (const method of [methods].flat()) known.add(method);
    this.methods.set(path, known);
    this.patterns.set(path, new RegExp(`^${escaped(path).replace(/:\w+/g, '[^/]+')}/?$`));
  }

  /**
   * In the order of the alphabet, `OPTIONS` included; empty where no route has the path. A path that a route names word by word has only
   * that route's methods: no id can be called as it is.
   */
  methodsOf(path: string): string[] {
    if (path.length > PATH_CHARACTERS_MAX) return [];
    const found = new Set<string>(this.methods.get(path));
    if (found.size === 0)
      for (const [known, pattern] of this.patterns)
        if (pattern.test(path)) for (const method of this.methods.get(known) ?? []) found.add(method);
    if (found.size > 0) found.add('OPTIONS');
    return [...found].toSorted();
  }

  /** Whether the router has taken a word of another route for an id, which it does where that route lacks the method. */
  isMistaken(path: string, route: string | undefined): boolean {
    return route !== undefined && route !== path && this.methods.has(path);
  }
}

function escaped(path: string): string {
  return path.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}
