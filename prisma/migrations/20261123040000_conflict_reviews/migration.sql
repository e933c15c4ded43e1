-- An operator marks a conflict as looked at; what nobody has looked at is open.

alter table usage_conflicts
  add column reviewed_at timestamptz(3),
  add column reviewed_by text,
  add column review_note text,
  add check ((reviewed_at is null) = (reviewed_by is null)),
  add check (reviewed_at is not null or review_note is null);
create index usage_conflicts_entity_last_seen_at_idx on usage_conflicts (entity, last_seen_at);

create or replace view reporting.intake_problems as
select (last_seen_at at time zone 'UTC')::date as day, 'dead letter' as problem, code, status, entity, count(*) as events
from public.dead_letters
group by day, code, status, entity
union all
select
  (last_seen_at at time zone 'UTC')::date, 'conflict', 'other_content',
  case when reviewed_at is null then 'open' else 'reviewed' end, entity, count(*)
from public.usage_conflicts
group by 1, 4, entity;
