/** Variants of a price: other terms for some requests. Conditions that have no field here are kept as they are. */
import { AmountBox, TextBox } from '../../parts/fields.js';
import { conditionWords, type TermField, type Variant } from './terms.js';

const FIELDS = ['input_usd_per_million', 'cached_input_usd_per_million', 'output_usd_per_million'] as const;
const NAMES: Readonly<Record<(typeof FIELDS)[number], string>> = {
  input_usd_per_million: 'Input',
  cached_input_usd_per_million: 'Cached input',
  output_usd_per_million: 'Output',
};

export function VariantFields({
  variants,
  onChange,
}: {
  variants: readonly Variant[];
  onChange: (variants: Variant[]) => void;
}) {
  const replace = (at: number, variant: Variant) =>
    onChange(variants.map((each, index) => (index === at ? variant : each)));
  return (
    <>
      {variants.map((variant, index) => (
        <fieldset key={index} className="stack">
          <legend>Variant: {conditionWords(variant.when)}</legend>
          <Conditions variant={variant} onChange={(next) => replace(index, next)} />
          <Terms variant={variant} onChange={(next) => replace(index, next)} />
          <div className="row end">
            <button
              type="button"
              className="danger"
              onClick={() => onChange(variants.filter((_, at) => at !== index))}
            >
              Remove this variant
            </button>
          </div>
        </fieldset>
      ))}
      <div className="row">
        <button type="button" onClick={() => onChange([...variants, { when: {} }])}>
          Add a variant
        </button>
        <span className="quiet">Other prices for a service tier, long prompts or a region</span>
      </div>
    </>
  );
}

type Props = { variant: Variant; onChange: (variant: Variant) => void };

function Conditions({ variant, onChange }: Props) {
  const { when } = variant;
  const set = (name: 'service_tier' | 'region', value: string) => {
    const { [name]: _, ...others } = when;
    onChange({ ...variant, when: value === '' ? others : { ...others, [name]: value } });
  };
  const setAbove = (text: string) => {
    const { prompt_tokens_above: _, ...others } = when;
    const count = Number(text.replaceAll(',', ''));
    onChange({
      ...variant,
      when: text === '' || Number.isNaN(count) ? others : { ...others, prompt_tokens_above: count },
    });
  };
  return (
    <div className="columns">
      <TextBox
        name="service_tier"
        label="Service tier"
        hint="batch, flex, priority…"
        value={when.service_tier ?? ''}
        onChange={(tier) => set('service_tier', tier)}
      />
      <TextBox
        name="prompt_tokens_above"
        label="Prompts above"
        hint="Tokens"
        value={String(when.prompt_tokens_above ?? '')}
        onChange={setAbove}
      />
      <TextBox
        name="region"
        label="Region"
        value={when.region ?? ''}
        onChange={(region) => set('region', region)}
      />
    </div>
  );
}

function Terms({ variant, onChange }: Props) {
  const set = (name: TermField | 'multiplier', value: string) => {
    const { [name]: _, ...others } = variant;
    onChange(value === '' ? others : { ...others, [name]: value });
  };
  return (
    <div className="columns">
      <TextBox
        name="multiplier"
        label="Times all prices"
        hint="0.5 is half of each"
        value={variant.multiplier ?? ''}
        onChange={(value) => set('multiplier', value)}
      />
      {FIELDS.map((field) => (
        <AmountBox
          key={field}
          name={`variant_${field}`}
          label={NAMES[field]}
          hint="Per million"
          value={variant[field] ?? ''}
          onChange={(usd) => set(field, usd)}
        />
      ))}
    </div>
  );
}
