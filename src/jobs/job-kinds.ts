/** The kinds of long work. Each stands in the folder that it belongs to, and is added when its module starts. */
import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { CallerContext } from '../access/caller-context.js';
import type { Tx } from '../platform/database.js';
import { assert } from '../domain/errors.js';

/** What a job of the kind is given while it runs. */
export type JobRun<Input> = {
  readonly id: string;
  readonly input: Input;
  /** The id of the API key that asked for it, or `system`. */
  readonly actor: string;
  /** The request that asked for it, for `attribute`; null where nobody did. */
  readonly caller: CallerContext | null;
  /** What a run before this one has kept; null where this is the first. */
  readonly state: unknown;
  /** Saves where the next run resumes, in the transaction of the work done so far. Throws where the job was taken away. */
  readonly keep: (tx: Tx, state: object) => Promise<void>;
  /** Set when the process is told to stop, or when the job was taken from it: the work ends soon after, by throwing. */
  readonly signal: AbortSignal;
  /** How far it is, from 0 to 1. It may be called as often as one likes. */
  readonly progress: (share: number) => void;
  /**
   * Ends the job in the transaction that does its work, so that both are there or neither. Throws where the job was taken away. What `run`
   * returns then is not looked at.
   */
  readonly endIn: (tx: Tx, result: string) => Promise<void>;
  /** The parts of its input, in their order. */
  readonly parts: () => AsyncIterable<string>;
};

export type JobKind<Input = unknown> = {
  /** A noun, such as `price_import`. */
  readonly name: string;
  readonly input: z.ZodType<Input>;
  /**
   * Whether it may run again from its start where the process that ran it died: true where what it has done already does no harm when it is
   * done twice. Otherwise it fails, and says so.
   */
  readonly mayRunAgain: boolean;
  /** Returns what is answered, as JSON. */
  run(run: JobRun<Input>): Promise<string>;
};

@Injectable()
export class JobKinds {
  private readonly kinds = new Map<string, JobKind<never>>();

  add<Input>(kind: JobKind<Input>): void {
    assert(!this.kinds.has(kind.name), `there is one kind of the name ${kind.name}`);
    this.kinds.set(kind.name, kind as JobKind<never>);
  }

  get names(): string[] {
    return [...this.kinds.keys()];
  }

  /** With its input read; null for a kind that this process does not know. */
  find(name: string): JobKind | null {
    return (this.kinds.get(name) as JobKind | undefined) ?? null;
  }
}
