/** Why the embedded servers did not start. The message is for the person who started them and says what to do. */
export class EmbeddedServerError extends Error {
  override readonly name = 'EmbeddedServerError';
}

export type Log = (message: string, fields?: object) => void;
