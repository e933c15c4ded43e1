/** How a process is told from others, and the variables of OpenTelemetry by their standard names: where traces go, if anywhere. */
import { z } from 'zod';
import { oneLine } from './environment-fields.js';

export type OtlpSettings = {
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly sampledRatio: number;
};

const HEADERS_EXPECTED =
  'must be headers such as api-key=secret, comma separated, with values percent-encoded';
const RATIO_EXPECTED = 'must be a share of the traces from 0 to 1';

export const OTLP_FIELDS = {
  INSTANCE_NAME: oneLine().optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .refine(isHttpUrl, 'must be a URL such as http://collector:4318')
    .optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .refine((text) => headersIn(text) !== null, HEADERS_EXPECTED)
    .optional(),
  OTEL_SERVICE_NAME: oneLine().default('tally'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^\d(\.\d{1,9})?$/, RATIO_EXPECTED)
    .default('1')
    .transform(Number)
    .refine((ratio) => ratio <= 1, RATIO_EXPECTED),
};

const Fields = z.object(OTLP_FIELDS);

/** Null where no receiver is named. */
export function otlpOf(data: z.output<typeof Fields>): OtlpSettings | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers } = data;
  if (endpoint === undefined) return null;
  return {
    endpoint,
    headers: headersIn(headers ?? '') ?? {},
    serviceName: data.OTEL_SERVICE_NAME,
    sampledRatio: data.OTEL_TRACES_SAMPLER_ARG,
  };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** `name=value,name=value`; null where it is not. */
function headersIn(text: string): Record<string, string> | null {
  const pairs = text
    .split(',')
    .flatMap((pair) => (pair.trim() === '' ? [] : [/^\s*([\w-]+)\s*=\s*([\x21-\x7e]+)\s*$/.exec(pair)]));
  if (pairs.includes(null)) return null;
  try {
    return Object.fromEntries(pairs.map((pair) => [pair![1]!, decodeURIComponent(pair![2]!)]));
  } catch {
    return null;
  }
}
