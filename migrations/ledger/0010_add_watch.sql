-- What each site had in each hour (UTC, counted from 1970), by receipt and without bots: what its pattern is made of.
create table site_hours (
    site_id integer not null,
    hour integer not null,
    sessions integer not null default 0,
    clicks integer not null default 0,
    intents integer not null default 0,
    primary key (site_id, hour)
) strict, without rowid;

-- How far the watch has come: when it last looked, and since when the Box takes whatever comes.
create table watch (
    one integer not null primary key check (one = 1),
    looked_at integer not null,
    listening_since integer
) strict;

-- An alert's level, and its life: domain/watch/alerts.py.
alter table alerts add column level text not null default 'warning' check (level in ('info', 'warning', 'alarm'));
alter table alerts add column since integer not null default 0;
alter table alerts add column covered_by text;
alter table alerts add column told_at integer not null default 0;
alter table alerts add column tellings integer not null default 0;
alter table alerts add column calm_since integer;
alter table alerts add column acknowledged_at integer;
alter table alerts add column acknowledged_by text;
alter table alerts add column silenced_until integer;
alter table alerts add column version integer not null default 1;
update alerts set since = at, told_at = at, tellings = 1, kind = case kind
    when 'quarantine' then 'QUARANTINE'
    when 'rate_limited_clicks' then 'RATE_LIMITED_CLICKS'
    when 'erasures_not_repeated' then 'ERASURES_NOT_REPEATED'
    when 'month_missing' then 'PARTITION_FAULT'
    when 'month_set_aside' then 'PARTITION_FAULT'
    when 'job_failed' then 'JOB_FAILED'
    when 'no_backup_elsewhere' then 'NO_BACKUP_ELSEWHERE'
    else kind end;
update alerts set level = 'alarm' where kind in ('PARTITION_FAULT', 'ERASURES_NOT_REPEATED');
create index alerts_by_time on alerts (at);
create index alerts_by_kind on alerts (kind, site_id, id);
