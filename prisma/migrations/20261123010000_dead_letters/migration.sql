-- Dead letters are looked for by the whole subject of what arrived, where that could be read.

alter table dead_letters add column project text;
update dead_letters set project = substring(payload from '"subject":"[A-Za-z0-9._-]+/([A-Za-z0-9._-]+)"')
where entity is not null;
create index dead_letters_entity_last_seen_at_idx on dead_letters (entity, last_seen_at);
