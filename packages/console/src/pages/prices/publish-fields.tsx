/** The form of a price version. */
import type { Schemas } from '../../api/client.js';
import { AmountBox, TextBox, Tick } from '../../parts/fields.js';
import { SelectBox } from '../../parts/select-box.js';
import { isByMillion, labelOf, TERM_FIELDS, USUAL_FIELDS, type TermField, type Variant } from './terms.js';
import { VariantFields } from './variant-fields.js';

export type Draft = {
  readonly model: string;
  readonly entity: string;
  readonly effectiveFrom: string;
  readonly terms: Readonly<Partial<Record<TermField, string>>>;
  readonly maxInput: string;
  readonly maxOutput: string;
  readonly variants: readonly Variant[];
  readonly source: string;
  readonly allowsFree: boolean;
};

export function draftOf(start: Schemas['Price'] | undefined, model: string): Draft {
  const terms = Object.fromEntries(
    TERM_FIELDS.flatMap((field) => {
      const usd = start?.[field];
      return usd == null ? [] : [[field, usd]];
    }),
  );
  return {
    model: start?.model ?? model,
    entity: start?.entity ?? '',
    effectiveFrom: '',
    terms,
    maxInput: '',
    maxOutput: '',
    variants: start?.variants ?? [],
    source: 'admin',
    allowsFree: false,
  };
}

export function orderOf(draft: Draft): Schemas['PriceOrder'] {
  const terms = Object.entries(draft.terms).filter(([, usd]) => usd.trim() !== '');
  const count = (text: string) => (text.trim() === '' ? null : Number(text.replaceAll(',', '')));
  return {
    model: draft.model.trim(),
    entity: draft.entity.trim() || null,
    ...(draft.effectiveFrom.trim() === '' ? {} : { effective_from: draft.effectiveFrom.trim() }),
    ...Object.fromEntries(
      terms.map(([field, usd]) => [field, usd.trim().replace(/^\$/, '').replaceAll(',', '')]),
    ),
    max_input_tokens: count(draft.maxInput),
    max_output_tokens: count(draft.maxOutput),
    variants: [...draft.variants],
    source: draft.source.trim() || 'admin',
  };
}

type Props = { draft: Draft; onChange: (draft: Draft) => void };

export function PublishFields({ draft, onChange }: Props) {
  const set = (changes: Partial<Draft>) => onChange({ ...draft, ...changes });
  return (
    <>
      <TextBox
        name="model"
        label="Model"
        hint="The id that callers send"
        isRequired
        value={draft.model}
        onChange={(model) => set({ model })}
      />
      <TermFields draft={draft} onChange={onChange} />
      <VariantFields variants={draft.variants} onChange={(variants) => set({ variants })} />
      <div className="columns">
        <TextBox
          name="entity"
          label="Agreed with"
          hint="A customer; empty is the list price"
          value={draft.entity}
          onChange={(entity) => set({ entity })}
        />
        <TextBox
          name="effective_from"
          label="From"
          hint="2026-12-01T00:00:00Z; empty is now"
          value={draft.effectiveFrom}
          onChange={(effectiveFrom) => set({ effectiveFrom })}
        />
        <TextBox
          name="max_input_tokens"
          label="Longest prompt"
          hint="Tokens; empty keeps it"
          value={draft.maxInput}
          onChange={(maxInput) => set({ maxInput })}
        />
        <TextBox
          name="max_output_tokens"
          label="Longest output"
          hint="Tokens; empty keeps it"
          value={draft.maxOutput}
          onChange={(maxOutput) => set({ maxOutput })}
        />
      </div>
      <TextBox
        name="source"
        label="Source"
        hint="Where the price is from, for the record"
        value={draft.source}
        onChange={(source) => set({ source })}
      />
      <Tick
        label="Allow prices of 0, for all or for some requests"
        isSelected={draft.allowsFree}
        onChange={(allowsFree) => set({ allowsFree })}
      />
    </>
  );
}

function TermFields({ draft, onChange }: Props) {
  const given = TERM_FIELDS.filter(
    (field) => USUAL_FIELDS.includes(field) || draft.terms[field] !== undefined,
  );
  const others = TERM_FIELDS.filter((field) => !given.includes(field));
  const set = (field: TermField, usd: string) =>
    onChange({ ...draft, terms: { ...draft.terms, [field]: usd } });
  return (
    <>
      <div className="columns">
        {given.map((field) => (
          <AmountBox
            key={field}
            name={field}
            label={labelOf(field)}
            hint={isByMillion(field) ? 'Per million' : 'Each'}
            value={draft.terms[field] ?? ''}
            onChange={(usd) => set(field, usd)}
          />
        ))}
      </div>
      <SelectBox
        label="Another meter"
        value=""
        options={[
          { value: '', label: 'Add a price for…' },
          ...others.map((value) => ({ value, label: labelOf(value) })),
        ]}
        onChange={(field) => field !== '' && set(field as TermField, '')}
      />
    </>
  );
}
