/**
 * How CloudEvents come in (CloudEvents 1.0: JSON format, and HTTP protocol binding). Structured and batched, an event is the body. In
 * binary mode its attributes are headers, `ce-id` and so on, and the body is its data. In any mode data may be in base64, and some SDKs
 * send it as JSON in a text. Whatever comes is one shape afterwards, so nothing behind this knows of modes.
 */

/** These types say that attributes are in the body, whatever headers there are. */
const STRUCTURED = /^\s*application\/cloudevents(-batch)?(\+|\s*;|\s*$)/i;
const PREFIX = 'ce-';
const REQUIRED = ['ce-specversion', 'ce-id', 'ce-source', 'ce-type'];

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The event of a request in binary mode; null in any other. */
export function binaryEvent(headers: Headers, data: unknown): Record<string, unknown> | null {
  if (!REQUIRED.some((name) => headers[name] !== undefined)) return null;
  const type = headers['content-type'];
  if (typeof type === 'string' && STRUCTURED.test(type)) return null;
  const attributes = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(PREFIX) ? [[name.slice(PREFIX.length), attributeOf(String(value))]] : [],
  );
  const contentType = type === undefined ? {} : { datacontenttype: type };
  return { ...Object.fromEntries(attributes), ...contentType, ...(data !== undefined && { data }) };
}

/** Values are percent-encoded UTF-8 and may stand in quotes. What is not encoded so is taken as it is. */
function attributeOf(value: string): string {
  const quoted = /^"(.*)"$/s.exec(value)?.[1];
  const text = quoted === undefined ? value : quoted.replaceAll(/\\(.)/gs, '$1');
  try {
    return decodeURIComponent(utf8Of(text));
  } catch {
    return utf8Of(text);
  }
}

/** Node gives each byte of a header as a character. */
function utf8Of(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  const decoded = bytes.toString('utf8');
  return decoded.includes('\ufffd') ? text : decoded;
}

const JSON_TYPE = /^\s*(application|text)\/([\w.!#$&^-]+\+)?json\s*(;|$)/i;

/** The event with its data as an object, where that came as a text or in base64. */
export function withDataRead(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json;
  const { data, data_base64: base64, datacontenttype: type } = json as Record<string, unknown>;
  if (typeof type === 'string' && !JSON_TYPE.test(type)) return json;
  if (typeof data === 'string') return { ...json, data: read(data) };
  if (data === undefined && typeof base64 === 'string')
    return { ...json, data: read(Buffer.from(base64, 'base64').toString('utf8')) };
  return json;
}

function read(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
