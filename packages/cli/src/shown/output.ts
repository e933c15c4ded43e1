/** What a command prints: a table or words for people, or the API's own JSON for programs. */
import { fields, table, wrapped, type Column } from './table.js';
import { safe, terminalOf, type Terminal } from './terminal.js';

type OutputStream = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string | Uint8Array): unknown;
};

export class Output {
  readonly terminal: Terminal;

  constructor(
    private readonly stream: OutputStream,
    environment: Readonly<Record<string, string | undefined>>,
    readonly isJson: boolean,
  ) {
    this.terminal = terminalOf(stream, environment);
  }

  /** The answer as JSON, or what `text` writes of it. */
  answer(json: unknown, text: () => void): void {
    if (this.isJson) this.json(json);
    else text();
  }

  json(value: unknown): void {
    this.stream.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** One value a line, for a list without an end. */
  jsonLine(value: unknown): void {
    this.stream.write(`${JSON.stringify(value)}\n`);
  }

  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): void {
    if (rows.length === 0) this.line(none);
    else this.lines(table(rows, columns, this.terminal));
  }

  fields(pairs: readonly (readonly [string, string])[]): void {
    this.lines(fields(pairs, this.terminal));
  }

  /** A sentence; unsafe characters in it are made visible. */
  line(text = ''): void {
    this.lines(wrapped(safe(text), this.terminal.width));
  }

  /** Text of the service as it is, such as a page of HTML. */
  raw(text: string): void {
    this.stream.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  bytes(content: Uint8Array): void {
    this.stream.write(content);
  }

  private lines(lines: readonly string[]): void {
    this.stream.write(lines.map((line) => `${line}\n`).join(''));
  }
}
