/** Fields of forms. A `Form` around them puts each error of the API at the field that it names. */
import type { ReactNode } from 'react';
import {
  Checkbox,
  FieldError,
  Input,
  Label,
  Radio,
  RadioGroup,
  Text,
  TextArea,
  TextField,
} from 'react-aria-components';

type FieldProps = {
  /** As the API names it, which is how its error finds it. */
  readonly name: string;
  readonly label: string;
  readonly hint?: ReactNode;
  readonly isRequired?: boolean;
};

type TextProps = FieldProps & { readonly value: string; readonly onChange: (value: string) => void };

export function TextBox({
  hint,
  label,
  isLong = false,
  type,
  autoComplete = 'off',
  ...field
}: TextProps & { isLong?: boolean; type?: 'password'; autoComplete?: string }) {
  return (
    <TextField className="field" type={type ?? 'text'} {...field}>
      <Label>{label}</Label>
      {isLong ? <TextArea rows={2} /> : <Input autoComplete={autoComplete} spellCheck={false} />}
      {hint !== undefined && <Text slot="description">{hint}</Text>}
      <FieldError />
    </TextField>
  );
}

/** An amount in dollars, as text: it is never a number. */
export function AmountBox({ hint, label, ...field }: TextProps) {
  return (
    <TextField className="field" inputMode="decimal" {...field}>
      <Label>{label}</Label>
      <span className="dollars">
        <span aria-hidden="true">$</span>
        <Input autoComplete="off" />
      </span>
      {hint !== undefined && <Text slot="description">{hint}</Text>}
      <FieldError />
    </TextField>
  );
}

/** One of a few, all in sight. */
export function Choice<T extends string>({
  label,
  hint,
  options,
  onChange,
  ...field
}: FieldProps & {
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly onChange: (value: T) => void;
}) {
  return (
    <RadioGroup className="field" onChange={(value) => onChange(value as T)} {...field}>
      <Label>{label}</Label>
      <div className="segments">
        {options.map((option) => (
          <Radio key={option.value} value={option.value} className="segment">
            {option.label}
          </Radio>
        ))}
      </div>
      {hint !== undefined && <Text slot="description">{hint}</Text>}
      <FieldError />
    </RadioGroup>
  );
}

export function Tick({
  label,
  isSelected,
  onChange,
}: {
  label: ReactNode;
  isSelected: boolean;
  onChange: (isSelected: boolean) => void;
}) {
  return (
    <Checkbox className="tick" isSelected={isSelected} onChange={onChange}>
      <span className="box" aria-hidden="true" />
      <span>{label}</span>
    </Checkbox>
  );
}
