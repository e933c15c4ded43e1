/** What a request used, as well as it can be told without the server. Its event says `estimated`. */
import type { UsageOperation } from '@tally/client';
import type { AnswerReading } from './answer-reading.js';
import type { InputFacts } from './request-reading.js';

/** Of text in most languages and tokenizers. */
const BYTES_PER_TOKEN = 4;

export interface Seen {
  readonly input: InputFacts;
  readonly answer: AnswerReading;
  /** Of the list that an answer with pictures has. */
  readonly itemCount: number;
}

/** Null where nothing can be told. What a server said of its input stands. */
export function estimatedUsage(operation: UsageOperation, { input, answer, itemCount }: Seen): object | null {
  const promptTokens = tokensOf(input.textBytes);
  switch (operation) {
    case 'embeddings':
    case 'rerank':
      return { prompt_tokens: promptTokens, total_tokens: promptTokens };
    case 'audio.transcriptions':
      return input.audioSeconds === 0 ? null : { type: 'duration', seconds: input.audioSeconds };
    case 'audio.speech':
      return input.characterCount === 0 ? null : { characters: input.characterCount };
    case 'images':
      return itemCount === 0 ? null : { image_count: itemCount };
    default: {
      // A stream has about one token a piece; some servers send several at once.
      const outputTokens = Math.max(answer.pieceCount, tokensOf(answer.textBytes));
      if (answer.usage !== null && !answer.isWhole) return { ...answer.usage, output_tokens: outputTokens };
      return {
        prompt_tokens: promptTokens,
        completion_tokens: outputTokens,
        total_tokens: promptTokens + outputTokens,
      };
    }
  }
}

function tokensOf(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}
