/** Filters of usage and of events, as one text of the address: `model=a&model=b&tag:team=search`. Pure. */

export const FILTERS_LENGTH_MAX = 4_096;

/** A field of usage, or a tag by its name, and a value; null is usage that has none. */
export type Filter = { readonly field: string; readonly value: string };

export const FIELDS = ['model', 'project', 'user', 'api_key', 'operation', 'service_tier', 'meter'] as const;

const LABELS: Readonly<Record<string, string>> = {
  model: 'Model',
  project: 'Project',
  user: 'User',
  api_key: 'Key',
  operation: 'Operation',
  service_tier: 'Service tier',
  meter: 'Meter',
};

/** `tag:team` → `Tag team` */
export function fieldLabel(field: string): string {
  return LABELS[field] ?? `Tag ${field.replace(/^tag:/, '')}`;
}

export function isField(field: string): boolean {
  return field in LABELS || /^tag:[^,]{1,128}$/.test(field);
}

export function readFilters(text: string | undefined): Filter[] {
  return [...new URLSearchParams(text ?? '')]
    .filter(([field, value]) => isField(field) && value !== '')
    .map(([field, value]) => ({ field, value }));
}

export function writeFilters(filters: readonly Filter[]): string | undefined {
  if (filters.length === 0) return undefined;
  return new URLSearchParams(filters.map(({ field, value }): [string, string] => [field, value])).toString();
}

export function withFilter(filters: readonly Filter[], added: Filter): Filter[] {
  return [...filters.filter(({ field, value }) => field !== added.field || value !== added.value), added];
}

/** As the API's query has them: values of one field are any of them, and a tag is `name:value`. */
export function queryOf(filters: readonly Filter[]): Record<string, string[]> {
  const query: Record<string, string[]> = {};
  for (const { field, value } of filters) {
    const [name, text] = field.startsWith('tag:') ? ['tag', `${field.slice(4)}:${value}`] : [field, value];
    (query[name] ??= []).push(text);
  }
  return query;
}
