-- What trackers tell of themselves, by hour of receipt: ids accepted, what was lost and parked by reason, which versions, how they
-- store and send, the deepest outbox.
create table tracker_hours (
    site_id integer not null,
    hour integer not null,
    kind text not null check (kind in ('accepted', 'lost', 'parked', 'version', 'storage', 'breaker', 'outbox')),
    name text not null default '',
    n integer not null,
    primary key (site_id, hour, kind, name)
) strict, without rowid;
create index tracker_hours_by_hour on tracker_hours (hour);

-- Up to which signal the hours are counted. Those that were stored before have told nothing.
create table tracker_count (
    one integer not null primary key check (one = 1),
    seq integer not null
) strict;
insert into tracker_count (one, seq) values (1, coalesce((select seq from sqlite_sequence where name = 'signals'), 0));
