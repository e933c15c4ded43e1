/** What the explorer and the list of events keep in the address, and how the sums of the explorer are made, without a browser. */
import { describe, expect, it } from '@jest/globals';
import { eventsQuery, searchOfUrl } from '../../../packages/console/src/pages/events/query.js';
import { eventsSearch } from '../../../packages/console/src/pages/usage/events-search.js';
import {
  queryOf,
  readFilters,
  withFilter,
  writeFilters,
} from '../../../packages/console/src/pages/usage/filters.js';
import { bucketStarts, groupRows, sumRows } from '../../../packages/console/src/pages/usage/groups.js';
import { exactUsd } from '../../../packages/console/src/parts/money.js';

const row = (start_time: number, model: string | null, cost_usd: string, tokens: number) => ({
  start_time,
  model,
  requests: 1,
  cost_usd,
  quantities: { input: tokens },
  unpriced_meters: [],
});

describe("the explorer's address", () => {
  it('keeps every filter, whatever its value contains', () => {
    const filters = [
      { field: 'model', value: 'a,b&c=d%' },
      { field: 'tag:cost centre', value: 'x:y' },
      { field: 'model', value: 'e' },
    ];
    expect(readFilters(writeFilters(filters))).toEqual(filters);
    expect(queryOf(filters)).toEqual({ model: ['a,b&c=d%', 'e'], tag: ['cost centre:x:y'] });
    expect(writeFilters([])).toBeUndefined();
  });

  it('leaves out what is no field, and adds a filter once', () => {
    expect(readFilters('colour=red&model=m&model=&tag:=x')).toEqual([{ field: 'model', value: 'm' }]);
    const one = { field: 'user', value: 'u' };
    expect(withFilter([one], { ...one })).toEqual([one]);
  });

  it('of a group’s events has its value in place of the filter’s, and says what the group lacks', () => {
    const of = {
      filters: readFilters('model=a&model=b&user=u'),
      groups: ['model', 'tag:team'],
      from: '2026-11-01',
      to: '2026-11-30',
    };
    const search = eventsSearch(of, { names: ['a', null] });
    expect(search).toMatchObject({ without: 'tag:team', from: '2026-11-01', to: '2026-11-30' });
    expect(eventsQuery(search)).toEqual({
      user: ['u'],
      model: ['a'],
      without: ['tag:team'],
      start_time: Date.parse('2026-11-01') / 1000,
      end_time: Date.parse('2026-12-01') / 1000,
    });
  });

  it('of a statement’s line asks what the line’s own address asks', () => {
    const url = '/v1/entities/acme/events?project=p&model=a%2Fb&period=2026-10&rate=7';
    expect(eventsQuery(searchOfUrl(url))).toEqual({
      project: ['p'],
      model: ['a/b'],
      period: '2026-10',
      rate: '7',
    });
  });

  it('looks for an id as what it was said to be', () => {
    expect(eventsQuery({ id: 'x', kind: 'reservation_id' })).toEqual({ reservation_id: 'x' });
    expect(eventsQuery({ id: 'x' })).toEqual({ event_id: 'x' });
  });
});

describe("the explorer's sums", () => {
  it('of groups, of their buckets and of all add up to the last digit', () => {
    const data = [
      row(0, 'a', '0.000000000001', 3),
      row(86_400, 'a', '0.000000000002', 4),
      row(0, null, '2', 1),
    ];
    const rows = groupRows(data, ['model'], 'cost');
    expect(rows.map(({ names, picos, tokens }) => [names, exactUsd(picos), tokens])).toEqual([
      [[null], '2', 1],
      [['a'], '0.000000000003', 7],
    ]);
    const sum = sumRows(rows, []);
    expect([exactUsd(sum.picos), sum.requests, [...sum.buckets.values()].map(exactUsd)]).toEqual([
      '2.000000000003',
      3,
      ['2.000000000001', '0.000000000002'],
    ]);
  });

  it('have a bucket for every hour, day and month of the range, also for those without usage', () => {
    const at = (day: string) => Date.parse(day) / 1000;
    const range = { start: at('2026-10-01'), end: at('2026-12-01') };
    expect(bucketStarts(range, '1mo')).toEqual([at('2026-10-01'), at('2026-11-01')]);
    expect(bucketStarts(range, '1d').length).toBe(61);
    expect(bucketStarts(range, '1h').length).toBe(61 * 24);
  });
});
