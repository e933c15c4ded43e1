/** The lines of the inbox: each thing that waits, how much, what it means, and where to act. */
import { Link, type LinkProps } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Schemas } from '../../api/client.js';
import type { Tone } from '../../parts/badge.js';
import { groupDigits } from '../../parts/money.js';
import { Moment } from '../../parts/moment.js';
import { duration, plural } from '../../parts/times.js';
import { codeWords } from './words.js';

type Inbox = Schemas['Inbox'];

export type Item = {
  readonly name: string;
  readonly tone: Tone;
  /** What stands in the badge. */
  readonly count: string;
  readonly sentence: ReactNode;
  readonly link: LinkProps;
  readonly act: string;
};

/** Parts of the inbox where nothing waits, by name. */
export const QUIET: readonly (readonly [string, (inbox: Inbox) => boolean])[] = [
  ['dead letters', ({ dead_letters: waiting }) => waiting.count === 0],
  ['conflicts', ({ conflicts: waiting }) => waiting.count === 0],
  ['unpriced models', ({ unpriced_models: waiting }) => waiting.count === 0],
  ['unread fields', ({ unread_fields: waiting }) => waiting.count === 0],
  ['webhooks', ({ failing_webhooks: waiting }) => waiting.count === 0],
  ['the books', ({ reconciliation }) => reconciliation === null || reconciliation.ok],
  ['failed jobs', ({ failed_jobs: waiting }) => waiting.count === 0],
  ['the queue', ({ queue }) => queue !== null && !queue.paused && !queue.late && queue.failed === 0],
];

/** What waits for a person, the worst first. */
export function itemsOf(inbox: Inbox): Item[] {
  return [
    ...queueItems(inbox),
    ...bookItems(inbox),
    ...lostItems(inbox),
    ...pricingItems(inbox),
    ...deliveryItems(inbox),
  ];
}

function queueItems({ queue }: Inbox): Item[] {
  const link: LinkProps = { to: '/operations' };
  const item = (name: string, count: string, sentence: string): Item => ({
    name,
    count,
    sentence,
    tone: 'bad',
    link,
    act: 'Look at the queue',
  });
  if (queue === null)
    return [
      item(
        'Queue',
        'unavailable',
        'The Redis of the queue does not answer: new usage waits at the gateways.',
      ),
    ];
  const age = queue.oldest_seconds === null ? '' : `, the oldest for ${duration(queue.oldest_seconds)}`;
  const waiting = `${plural(queue.waiting, 'job')} wait${age}.`;
  return [
    ...(queue.paused ? [item('Queue', 'paused', `Nothing is counted until it is resumed. ${waiting}`)] : []),
    ...(queue.late && !queue.paused ? [item('Queue', 'late', `Counting lags behind. ${waiting}`)] : []),
    ...(queue.failed > 0
      ? [
          item(
            'Failed queue jobs',
            groupDigits(queue.failed),
            'Usage of these jobs is not counted until they run again.',
          ),
        ]
      : []),
  ];
}

function bookItems({ reconciliation, failed_jobs: failed }: Inbox): Item[] {
  return [
    ...(reconciliation !== null && !reconciliation.ok
      ? [
          {
            name: 'Differences in the books',
            tone: 'bad' as const,
            count: plural(reconciliation.checks.length, 'check'),
            sentence: (
              <>
                These do not hold: {reconciliation.checks.join('; ')}. Found <Moment at={reconciliation.at} />
                .
              </>
            ),
            link: { to: '/operations/books', search: { job: reconciliation.job } } satisfies LinkProps,
            act: 'Compare',
          },
        ]
      : []),
    ...(failed.count > 0
      ? [
          {
            name: 'Failed jobs',
            tone: 'warn' as const,
            count: countText(failed),
            sentence: (
              <>
                Imports, re-ratings and other long work of the last seven days. Oldest{' '}
                <Moment at={failed.oldest_at} />.
              </>
            ),
            link: { to: '/operations/jobs', search: { status: 'failed' } } satisfies LinkProps,
            act: 'Look at the jobs',
          },
        ]
      : []),
  ];
}

function lostItems({ dead_letters: letters, conflicts }: Inbox): Item[] {
  return [
    ...(letters.count > 0
      ? [
          {
            name: 'Dead letters',
            tone: 'bad' as const,
            count: countText(letters),
            sentence: (
              <>
                <ByReason codes={letters.codes} /> Not counted, so not charged. Oldest{' '}
                <Moment at={letters.oldest_at} />.
              </>
            ),
            link: { to: '/inbox/dead-letters' } satisfies LinkProps,
            act: 'Mend, replay or discard',
          },
        ]
      : []),
    ...(conflicts.count > 0
      ? [
          {
            name: 'Conflicts',
            tone: 'warn' as const,
            count: countText(conflicts),
            sentence: (
              <>
                Events that came again with other content. Oldest <Moment at={conflicts.oldest_at} />.
              </>
            ),
            link: { to: '/inbox/conflicts' } satisfies LinkProps,
            act: 'Compare and review',
          },
        ]
      : []),
  ];
}

function pricingItems({ unpriced_models: unpriced, unread_fields: unread }: Inbox): Item[] {
  const events = unpriced.data.reduce((sum, model) => sum + model.events, 0);
  return [
    ...(unpriced.count > 0
      ? [
          {
            name: 'Unpriced models',
            tone: 'warn' as const,
            count: groupDigits(unpriced.count),
            sentence: `${plural(events, 'event')} at $0 until there is a price: ${unpriced.data.map(({ model }) => model).join(', ')}.`,
            link: { to: '/prices/unpriced' } satisfies LinkProps,
            act: 'Set prices',
          },
        ]
      : []),
    ...(unread.count > 0
      ? [
          {
            name: 'Unread fields',
            tone: 'warn' as const,
            count: groupDigits(unread.count),
            sentence: (
              <>
                Counts that Tally does not know, so it charges nothing for them. Since{' '}
                <Moment at={unread.since} />.
              </>
            ),
            link: { to: '/inbox', hash: 'unread' } satisfies LinkProps,
            act: 'See the fields',
          },
        ]
      : []),
  ];
}

function deliveryItems({ failing_webhooks: failing }: Inbox): Item[] {
  if (failing.count === 0) return [];
  const worst = failing.data[0]!;
  const name = failing.count === 1 ? worst.url : `The worst of them, ${worst.url},`;
  return [
    {
      name: 'Failing webhooks',
      tone: 'warn',
      count: groupDigits(failing.count),
      sentence: `${name} has failed ${plural(worst.failures, 'time')} in a row.`,
      link: { to: '/webhooks' },
      act: 'Look at deliveries',
    },
  ];
}

function ByReason({ codes }: { codes: Schemas['InboxDeadLetters']['codes'] }) {
  return (
    <>
      {codes.map(({ code, count }, index) => (
        <span key={code}>
          {index > 0 && ', '}
          <Link to="/inbox/dead-letters" search={{ code }}>
            {groupDigits(count)} {codeWords(code)}
          </Link>
        </span>
      ))}
      .
    </>
  );
}

function countText({ count, has_more: hasMore }: Schemas['InboxWaiting']): string {
  return `${hasMore ? 'more than ' : ''}${groupDigits(count)}`;
}
