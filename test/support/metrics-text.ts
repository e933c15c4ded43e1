/** Reads the text that Prometheus reads. */

export type MetricText = { readonly type: string; readonly help: string };

/** By name, in the order of the text. */
export function metricsIn(text: string): Map<string, MetricText> {
  const helps = new Map(
    [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', help = '']) => [name, help]),
  );
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Map(types.map(([, name = '', type = '']) => [name, { type, help: helps.get(name) ?? '' }]));
}

/** The value of a series, which is named with all its labels; null where there is none. */
export function figureIn(text: string, series: string): number | null {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? null : Number(line.slice(series.length + 1));
}

/** Over all series of the name. */
export function sumIn(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Of the metric's first series, without the bounds of a histogram; null where it has no series. */
export function labelsIn(text: string, name: string): string[] | null {
  const line = new RegExp(`^${name}(?:_bucket|_count)?(?:\\{([^}]*)\\})? `, 'm').exec(text);
  if (line === null) return null;
  return [...(line[1] ?? '').matchAll(/(\w+)="/g)].flatMap(([, label = '']) =>
    label === 'le' ? [] : [label],
  );
}
