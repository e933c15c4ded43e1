/** Figures that only /metrics has, read from its text. They are those of the process that answered, since it started. */
import { queryOptions } from '@tanstack/react-query';
import { answered, api } from '../../api/client.js';

export type Sample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

export function metrics() {
  return queryOptions({
    queryKey: ['/metrics'] as const,
    queryFn: async ({ signal }) => {
      const text = await answered(api.GET('/metrics', { signal, parseAs: 'text' }));
      return samplesOf(text);
    },
  });
}

/** The lines of Prometheus' text format that have a number. */
function samplesOf(text: string): Sample[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null) return [];
    const [, name = '', labels = '', number = ''] = match;
    const value = Number(number);
    return Number.isNaN(value) ? [] : [{ name, labels: labelsOf(labels), value }];
  });
}

function labelsOf(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value.replace(/\\(.)/g, '$1')]));
}

export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return samples
    .filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )
    .reduce((sum, { value }) => sum + value, 0);
}

/** Sums by a label's value, largest first; what is 0 is left out. */
export function sumsBy(samples: readonly Sample[], name: string, label: string): [string, number][] {
  const sums = new Map<string, number>();
  for (const sample of samples) {
    if (sample.name !== name) continue;
    const key = sample.labels[label] ?? '';
    sums.set(key, (sums.get(key) ?? 0) + sample.value);
  }
  return [...sums].filter(([, sum]) => sum > 0).toSorted(([, a], [, b]) => b - a);
}

export function labelIn(samples: readonly Sample[], name: string, label: string): string | null {
  return samples.find((sample) => sample.name === name)?.labels[label] ?? null;
}
