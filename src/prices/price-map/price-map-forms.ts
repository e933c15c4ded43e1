/**
 * The forms of price maps, told by the first member of the document.
 *
 * - LiteLLM: `{"<model>": {"input_cost_per_token": …}}`, all that map-entry.ts reads.
 * - models.dev (api.json): `{"<provider>": {"models": {"<id>": {"cost": {…}, "limit": {…}}}}}`; dollars per million tokens. Taken are
 *   `input`, `output`, `reasoning`, `cache_read`, `cache_write`, `input_audio`, `output_audio`, the same by size under
 *   `context_over_<N>k` or `tiers` of type `context`, and the limits.
 * - genai-prices (data.json): `[{"id": "<provider>", "models": [{"id": …, "prices": {"input_mtok": …}}]}]`. Taken are prices without
 *   conditions, flat or by size (`{"base": …, "tiers": [{"start": …, "price": …}]}`).
 *
 * Models of the latter two are named `<provider>/<id>`. Any other form is refused by name: it must not pass for an empty map.
 */
import { TallyError } from '../../domain/errors.js';
import { readGenaiModel } from './genai-prices.js';
import { readMapEntry, skipped, type EntryReading, type ReadingOptions } from './map-entry.js';
import { isEntry } from './map-reading.js';
import { readModelsDevModel } from './models-dev.js';

export type PriceMapForm = 'LiteLLM' | 'models.dev' | 'genai-prices';

const TAKEN =
  "taken are LiteLLM's price map (an object of entries by model), models.dev's api.json and genai-prices' data.json";

/** A member of the outermost object or array. */
export type Member = { readonly key: string | number; readonly value: unknown };

export function formOf(key: string | number, value: unknown): PriceMapForm {
  if (typeof key === 'number') {
    if (isEntry(value) && typeof value['id'] === 'string' && Array.isArray(value['models']))
      return 'genai-prices';
    throw refusedForm('an array');
  }
  refuseEnvelope(key, value);
  return isEntry(value) && isEntry(value['models']) ? 'models.dev' : 'LiteLLM';
}

/** Names under which other programs put a whole list. */
const ENVELOPE = /^(data|models?|model_list|prices?|pricing|providers?|items|results?|entries|rates|list)$/i;

function refuseEnvelope(key: string, value: unknown): void {
  const isList = Array.isArray(value) && ENVELOPE.test(key);
  const isObjectOfObjects =
    isEntry(value) &&
    ENVELOPE.test(key) &&
    Object.values(value).length > 0 &&
    Object.values(value).every(isEntry);
  if (isList) throw refusedForm(`an object with a list under ${JSON.stringify(key)}`);
  if (isObjectOfObjects) throw refusedForm(`an object with all entries under ${JSON.stringify(key)}`);
}

export function refusedForm(given: string): TallyError {
  return new TallyError('invalid_request', `the price map is ${given}; ${TAKEN}`);
}

/** The models of one member of the document: one of LiteLLM's, all of a provider's. */
export function* readEntries(
  form: PriceMapForm,
  { key, value }: Member,
  options: ReadingOptions,
): Generator<{ model: string; reading: EntryReading }, void, void> {
  const name = String(key);
  if (form === 'LiteLLM') {
    refuseEnvelope(name, value);
    yield { model: name, reading: readMapEntry(name, value, options) };
    return;
  }
  const provider = isEntry(value) ? value : null;
  const models = provider === null ? null : modelsOf(form, provider);
  const providerName = form === 'models.dev' ? name : String(provider?.['id']);
  if (models === null) {
    yield { model: providerName, reading: skipped('is no provider with models') };
    return;
  }
  for (const [id, model] of models) {
    const full = `${providerName}/${id}`;
    const read = form === 'models.dev' ? readModelsDevModel : readGenaiModel;
    yield { model: full, reading: read(full, model, options) };
  }
}

function modelsOf(
  form: PriceMapForm,
  provider: Readonly<Record<string, unknown>>,
): [string, unknown][] | null {
  const models = provider['models'];
  if (form === 'models.dev') return isEntry(models) ? Object.entries(models) : null;
  if (!Array.isArray(models)) return null;
  return models.map((model: unknown, index) => [isEntry(model) ? String(model['id']) : String(index), model]);
}
