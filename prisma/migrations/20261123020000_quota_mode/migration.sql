-- Whether an entity's limits decide, are only watched, or are not asked at all.

alter table entities
  add column quota_mode text not null default 'enforce' check (quota_mode in ('off', 'shadow', 'enforce'));
