/** The caps in force, of the customer and of its projects, each with the share that is used. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { reading, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { Amount } from '../../parts/amount.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { Empty } from '../../parts/empty.js';
import { picosOf, picosOrNull, roundUsd } from '../../parts/money.js';
import { ShareBar } from '../../parts/share-bar.js';
import { may } from '../../session/permissions.js';
import { useSignedIn } from '../../session/session.js';
import { ChangeProjectLimits } from './acts/change-project-limits.js';
import { SpendLimit, type NextOf } from './acts/spend-limit.js';

type ProjectBalance = Schemas['ProjectBalance'];

export function Caps({ balance, next }: { balance: Schemas['Balance']; next: NextOf | null }) {
  const { entity, monthly_cap_usd, yearly_cap_usd, spend_limit_usd, projects } = balance;
  return (
    <section className="card stack" aria-labelledby="caps">
      <div className="card-head">
        <h2 id="caps">Caps</h2>
        <OwnLimit balance={balance} next={next} />
      </div>
      <Cap name="Month" used={balance.month_to_date_usd} cap={monthly_cap_usd} />
      <Cap name="Year" used={balance.year_to_date_usd} cap={yearly_cap_usd} />
      {spend_limit_usd !== null && (
        <p className="quiet">
          The customer’s own spend limit is {roundUsd(picosOf(spend_limit_usd))} a month. The lower limit
          counts.
        </p>
      )}
      <DataTable
        label="Projects"
        columns={useProjectColumns(entity)}
        rows={projects}
        keyOf={({ project }) => project}
        empty={<Empty title="No project yet">A project appears with its first request.</Empty>}
      />
    </section>
  );
}

function Cap({ name, used, cap }: { name: string; used: string; cap: string | null }) {
  if (cap === null)
    return (
      <p>
        {name}: <Amount usd={used} /> <span className="quiet">without a cap</span>
      </p>
    );
  return (
    <div>
      <p>
        {name}: <Amount usd={used} /> of {roundUsd(picosOf(cap))}
      </p>
      <ShareBar label={`${name}: share of the cap`} used={picosOf(used)} limit={picosOf(cap)} />
    </div>
  );
}

const COLUMNS: readonly Column<ProjectBalance>[] = [
  { id: 'project', header: 'Project', width: 7, cell: ({ project }) => project },
  {
    id: 'month',
    header: 'This month',
    isNumber: true,
    width: 6.5,
    cell: ({ month_to_date_usd: usd }) => <Amount usd={usd} />,
  },
  { id: 'cap', header: 'Cap', width: 6, cell: (row) => <ProjectCap row={row} /> },
];

/** An admin sets caps; an owner sets limits of its own beside them. */
function useProjectColumns(entity: string): readonly Column<ProjectBalance>[] {
  const { role } = useSignedIn();
  if (role === 'owner')
    return [...COLUMNS, projectActs((row) => <OwnProjectLimit entity={entity} of={row} />)];
  if (!may(role, CHANGE_PROJECT)) return COLUMNS;
  return [...COLUMNS, projectActs((row) => <ProjectLimits entity={entity} of={row} />)];
}

const CHANGE_PROJECT = 'PATCH /v1/admin/entities/{entity}/projects/{project}/limits';

function projectActs(cell: (row: ProjectBalance) => ReactNode): Column<ProjectBalance> {
  return { id: 'act', header: 'Change', width: 8, cell };
}

type OfProject = { entity: string; of: ProjectBalance };

function ProjectLimits({ entity, of: { project, month_to_date_usd: spentUsd } }: OfProject) {
  return (
    <ActButton needs={CHANGE_PROJECT} label="Limits…" about={project}>
      {(close) => <ProjectAct entity={entity} project={project} spentUsd={spentUsd} onClose={close} />}
    </ActButton>
  );
}

function OwnProjectLimit({ entity, of }: OfProject) {
  const { project, month_to_date_usd, monthly_cap_usd, spend_limit_usd } = of;
  const needs = 'POST /v1/organization/projects/{project}/spend_limit';
  return (
    <ActButton needs={needs} label="Spend limit…" about={project}>
      {(close) => (
        <SpendLimit
          scope={{ entity, project }}
          spentUsd={month_to_date_usd}
          capUsd={monthly_cap_usd}
          limitUsd={spend_limit_usd}
          next={null}
          onClose={close}
        />
      )}
    </ActButton>
  );
}

/** Beside the caps, for those who are not admins: an owner's own limit, or who may set it. */
function OwnLimit({ balance, next }: { balance: Schemas['Balance']; next: NextOf | null }) {
  const { role } = useSignedIn();
  if (role === 'admin') return null;
  const { entity, month_to_date_usd, monthly_cap_usd, spend_limit_usd } = balance;
  return (
    <ActButton needs="POST /v1/organization/spend_limit" label="Spend limit…">
      {(close) => (
        <SpendLimit
          scope={{ entity, project: null }}
          spentUsd={month_to_date_usd}
          capUsd={monthly_cap_usd}
          limitUsd={spend_limit_usd}
          next={next}
          onClose={close}
        />
      )}
    </ActButton>
  );
}

function ProjectCap({ row }: { row: ProjectBalance }) {
  const cap = picosOrNull(row.monthly_cap_usd);
  if (cap === null) return <span className="quiet">no cap</span>;
  return (
    <>
      <ShareBar
        label={`${row.project}: share of the cap`}
        used={picosOf(row.month_to_date_usd)}
        limit={cap}
      />
      <span className="quiet">of {roundUsd(cap)}</span>
    </>
  );
}

type ActProps = { entity: string; project: string; spentUsd: string; onClose: () => void };

/** The limits are loaded when the dialog opens. */
function ProjectAct({ entity, project, spentUsd, onClose }: ActProps) {
  const { data } = useQuery(
    reading('/v1/admin/entities/{entity}/projects/{project}/limits', {
      params: { path: { entity, project } },
    }),
  );
  if (data === undefined) return null;
  return <ChangeProjectLimits project={data} spentUsd={spentUsd} onClose={onClose} />;
}
