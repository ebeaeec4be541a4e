-- Jobs: when each ran, when it runs next, and what came of it. Nothing has written this table before.
drop table jobs;
create table jobs (
    name text not null primary key,
    next_at integer,
    last_started_at integer,
    last_ended_at integer,
    leased_until integer,
    outcome text not null default '' check (outcome in ('', 'done', 'failed', 'interrupted')),
    result text not null default '',
    details text not null default '{}',
    failures integer not null default 0
) strict, without rowid;
