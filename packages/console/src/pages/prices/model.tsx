/** One model: what it costs now and for whom, its variants, and every version before. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Differences } from '../../parts/difference.js';
import { differs, pairsOf } from '../../parts/pairs.js';
import { Empty } from '../../parts/empty.js';
import { CustomerLink } from '../../parts/links.js';
import { groupDigits } from '../../parts/money.js';
import { Moment } from '../../parts/moment.js';
import { allOf } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { nowSeconds, secondsOf } from '../../parts/times.js';
import { Since, usdOf } from './prices.js';
import { Publish } from './publish.js';
import { Rerate } from './rerate.js';
import { modelRoute } from './route.js';
import { labelOf, termsOf, unitOf, VariantList } from './terms.js';

type Price = Schemas['Price'];

export function ModelPage() {
  const { model = '', version } = modelRoute.useSearch();
  const versions = useQuery({
    queryKey: ['/v1/admin/prices', 'of', model],
    queryFn: () => allOf('/v1/admin/prices', { params: { query: { model } } }),
  });
  return (
    <Awaited of={versions} lines={10}>
      {(all) => <Model model={model} all={all} shown={version} />}
    </Awaited>
  );
}

function newestFirst(versions: readonly Price[]): Price[] {
  return versions.toSorted((a, b) => startOf(b) - startOf(a) || Number(b.id) - Number(a.id));
}

function startOf({ effective_from: from }: Price): number {
  return secondsOf(from);
}

/** Of each, the newest that has begun: the first of the list that has. */
function inForce(versions: readonly Price[]): Price[] {
  const now = nowSeconds();
  const begun = versions.filter((price) => startOf(price) <= now);
  return begun.filter(({ entity }, index) => begun.findIndex((other) => other.entity === entity) === index);
}

function Model({ model, all, shown }: { model: string; all: readonly Price[]; shown: string | undefined }) {
  const versions = useMemo(() => newestFirst(all), [all]);
  const current = useMemo(() => inForce(versions), [versions]);
  const columns = useMemo(() => columnsOf(model, current), [model, current]);
  const list = current.find(({ entity }) => entity === null);
  const chosen = versions.find(({ id }) => id === shown);
  return (
    <>
      <PageHead
        title={model}
        lead={
          <>
            <Link to="/prices">Prices</Link> · In US dollars, times in UTC.
          </>
        }
      >
        <Publish label="Publish a version…" className="primary" start={list} model={model} />
        <Rerate model={model} />
      </PageHead>
      {current.length === 0 && (
        <div className="card">
          <Empty title="No price is in force">Usage of this model is counted at $0 until there is one.</Empty>
        </div>
      )}
      <div className="grid">
        {current.map((price) => (
          <Terms key={price.id} price={price} />
        ))}
      </div>
      <section className="card stack">
        <h2 id="versions">Versions</h2>
        <DataTable label="Versions" columns={columns} rows={versions} keyOf={({ id }) => id} />
      </section>
      {chosen !== undefined && <Change price={chosen} versions={versions} />}
    </>
  );
}

function Terms({ price }: { price: Price }) {
  return (
    <section
      className="card stack"
      aria-label={price.entity === null ? 'List price' : `Price of ${price.entity}`}
    >
      <div className="card-head">
        <h2>
          {price.entity === null ? (
            'List price'
          ) : (
            <>
              Agreed with <CustomerLink entity={price.entity} />
            </>
          )}
        </h2>
        {price.entity !== null && <Publish label="Change…" start={price} model={price.model} />}
      </div>
      <dl className="facts">
        {termsOf(price).map(([field, usd]) => (
          <FactOf
            key={field}
            label={labelOf(field)}
            value={
              <>
                {usdOf(usd)} <span className="quiet">{unitOf(field)}</span>
              </>
            }
          />
        ))}
        <FactOf label="Longest prompt" value={`${groupDigits(price.max_input_tokens)} tokens`} />
        <FactOf label="Longest output" value={`${groupDigits(price.max_output_tokens)} tokens`} />
        <FactOf label="Since" value={<Since from={price.effective_from} />} />
        <FactOf label="Source" value={price.source} />
      </dl>
      {price.variants !== undefined && price.variants.length > 0 && (
        <>
          <h3>Variants</h3>
          <VariantList variants={price.variants} />
        </>
      )}
    </section>
  );
}

function FactOf({ label, value }: { label: string; value: React.ReactNode }) {
  return (
    <>
      <dt>{label}</dt>
      <dd>{value}</dd>
    </>
  );
}

function columnsOf(model: string, current: readonly Price[]): readonly Column<Price>[] {
  const now = nowSeconds();
  const stateOf = (price: Price) => {
    if (current.includes(price)) return <Badge tone="good">in force</Badge>;
    return startOf(price) > now ? <Badge tone="warn">not yet</Badge> : <span className="quiet">before</span>;
  };
  return [
    {
      id: 'version',
      header: 'Version',
      width: 5,
      cell: ({ id }) => (
        <Link to="/prices/model" search={{ model, version: id }} replace hash="change">
          {id}
        </Link>
      ),
    },
    { id: 'entity', header: 'For', width: 6.5, cell: ({ entity }) => entity ?? 'everybody' },
    { id: 'state', header: 'State', width: 6, cell: stateOf },
    { id: 'from', header: 'From', width: 6.5, cell: ({ effective_from: from }) => <Since from={from} /> },
    {
      id: 'input',
      header: 'Input',
      width: 5.5,
      isNumber: true,
      cell: (price) => usdOf(price.input_usd_per_million),
    },
    {
      id: 'output',
      header: 'Output',
      width: 5.5,
      isNumber: true,
      cell: (price) => usdOf(price.output_usd_per_million),
    },
    {
      id: 'variants',
      header: 'Variants',
      width: 5,
      isNumber: true,
      cell: ({ variants }) => variants?.length ?? 0,
    },
    { id: 'source', header: 'Source', width: 10, cell: ({ source }) => source },
    { id: 'created_at', header: 'Published', width: 9, cell: ({ created_at: at }) => <Moment at={at} /> },
  ];
}

/** What a version changed of the one before it. */
function Change({ price, versions }: { price: Price; versions: readonly Price[] }) {
  const before = versions.slice(versions.indexOf(price) + 1).find(({ entity }) => entity === price.entity);
  const pairs = pairsOf(termsAlone(before), termsAlone(price)).filter(differs);
  return (
    <section className="card stack" id="change">
      <h2 id="change-title">
        What version {price.id} changed{before === undefined ? '' : ` of version ${before.id}`}
      </h2>
      {pairs.length === 0 ? (
        <p className="quiet">No term differs.</p>
      ) : (
        <Differences label="Terms" pairs={pairs} marks={false} nameOf={(label) => label} />
      )}
    </section>
  );
}

function termsAlone(price: Price | undefined): object | null {
  if (price === undefined) return null;
  const { variants = [], max_input_tokens, max_output_tokens } = price;
  const prices = Object.fromEntries(
    termsOf(price).map(([field, usd]) => [labelOf(field), `$${usd} ${unitOf(field)}`]),
  );
  return {
    ...prices,
    'Longest prompt': `${groupDigits(max_input_tokens)} tokens`,
    'Longest output': `${groupDigits(max_output_tokens)} tokens`,
    ...(variants.length > 0 && { Variants: variants }),
  };
}
