/** What is unusual about an event, in a word or two each. */
import type { Schemas } from '../../api/client.js';
import { Badge, type Tone } from '../../parts/badge.js';
import { meterLabel } from '../../parts/meters.js';
import { monthName } from '../../parts/times.js';

export type CountedEvent = Schemas['CountedUsageEvent'];

export function marksOf(event: CountedEvent): { text: string; tone: Tone }[] {
  const warn = (text: string) => ({ text, tone: 'warn' as const });
  const plain = (text: string) => ({ text, tone: 'plain' as const });
  return [
    ...(event.unpriced
      ? [warn('no price yet')]
      : event.unpriced_meters.map((meter) => warn(`no price yet: ${meterLabel(meter)}`))),
    ...(event.unread.length > 0 ? [warn(`unread: ${event.unread.join(', ')}`)] : []),
    ...(event.service_tier === 'default' ? [] : [plain(`${event.service_tier} tier`)]),
    ...(event.late ? [warn(`late: billed in ${monthName(event.period)}`)] : []),
    ...(event.usage_source === 'estimated' ? [plain('estimated')] : []),
    ...event.corrections.map(({ kind }) => ({
      text: kind === 'void' ? 'voided' : 're-rated',
      tone: 'bad' as const,
    })),
  ];
}

export function Marks({ event }: { event: CountedEvent }) {
  return (
    <span className="badges">
      {marksOf(event).map(({ text, tone }) => (
        <Badge key={text} tone={tone}>
          {text}
        </Badge>
      ))}
    </span>
  );
}

/** What paid an event as it was first rated. */
export function paidBy(event: CountedEvent): string {
  if (event.unpriced) return '–';
  if (event.burns.length === 0) return 'overage';
  return event.overage_usd === '0' ? 'credits' : 'credits and overage';
}

export function isVoided(event: CountedEvent): boolean {
  return event.corrections.some(({ kind }) => kind === 'void');
}
