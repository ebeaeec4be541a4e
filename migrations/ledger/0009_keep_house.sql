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

-- Backups at each place, as the Box made them; and sealed months that were read back whole from there, by the sum of their file.
create table backups (
    place text not null,
    name text not null,
    is_elsewhere integer not null,
    made_at integer not null,
    last_seq integer not null,
    bytes integer not null,
    verified_at integer,
    problem text not null default '',
    primary key (place, name)
) strict, without rowid;

create table backed_up_months (
    place text not null,
    month text not null,
    sha256 text not null,
    object text not null,
    bytes integer not null,
    verified_at integer not null,
    primary key (place, month, sha256)
) strict, without rowid;
