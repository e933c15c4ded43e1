/** A short state in a colour and in words: colour alone says nothing. */
import type { ReactNode } from 'react';

export type Tone = 'bad' | 'warn' | 'good' | 'plain';

export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}
