/** What a model server's answer says of its usage, and how much text it has where it says nothing. */
import { countsOf, textBytesOf, type Fields } from './answer-fields.js';

export interface AnswerReading {
  /** The usage object as the server sent it; null where it sent none with a count. */
  readonly usage: object | null;
  /** False while the server has told one side only, as Anthropic's `message_start` does. */
  readonly isWhole: boolean;
  /** The tier that served, where it stands beside the usage. */
  readonly serviceTier: string | null;
  /** Pieces of generated text, in a stream about one a token. */
  readonly pieceCount: number;
  readonly textBytes: number;
  /** The server said inside its stream that it failed. */
  readonly hasFailed: boolean;
}

/** Reads the objects of a stream, or the one object of a plain answer. */
export class AnswerReader implements AnswerReading {
  usage: object | null = null;
  isWhole = false;
  serviceTier: string | null = null;
  pieceCount = 0;
  textBytes = 0;
  hasFailed = false;

  /** Whether the object is the chunk with the usage alone that OpenAI's servers send at the end of a stream. */
  take(answer: Fields): { isUsageChunk: boolean } {
    const message = fieldsOf(answer['message']);
    const response = fieldsOf(answer['response']);
    if (answer['type'] === 'message_start') this.takePart(fieldsOf(message['usage']));
    else if (answer['type'] === 'message_delta') this.takeRest(fieldsOf(answer['usage']));
    else this.takeWhole(countsOf(answer) ?? countsOf(response));
    const tier = answer['service_tier'] ?? response['service_tier'];
    if (typeof tier === 'string' && tier !== '') this.serviceTier = tier;
    if (isFailure(answer, response)) this.hasFailed = true;
    const textBytes = textBytesOf(answer);
    this.textBytes += textBytes;
    if (textBytes > 0) this.pieceCount += 1;
    const { choices, usage } = answer;
    const isUsageChunk =
      Array.isArray(choices) && choices.length === 0 && typeof usage === 'object' && usage !== null;
    return { isUsageChunk };
  }

  private takeWhole(usage: object | null): void {
    if (usage === null) return;
    this.usage = usage;
    this.isWhole = true;
  }

  private takePart(usage: Fields): void {
    if (Object.keys(usage).length > 0) this.usage = usage;
  }

  /** Anthropic's counts are those of the whole message so far. What this event leaves out, or has as null, is as the start said. */
  private takeRest(usage: Fields): void {
    const said = Object.entries(usage).filter(([, value]) => value !== null && value !== undefined);
    if (said.length === 0) return;
    this.usage = { ...this.usage, ...Object.fromEntries(said) };
    this.isWhole = true;
  }
}

/** An error event of Anthropic's or of OpenAI's responses, or an object with an `error`, as vLLM and others send in the middle of a stream. */
function isFailure(answer: Fields, response: Fields): boolean {
  const { type, error } = answer;
  if (type === 'error' || type === 'response.failed') return true;
  if (typeof response['error'] === 'object' && response['error'] !== null) return true;
  return (typeof error === 'object' && error !== null) || typeof error === 'string';
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
