-- A site's day in a few rows that a report can be read from: bots and internal visits in rows of their own, and every number of a bucket.
-- `daily_summary` becomes a view of them.
drop view mv_daily_analytics_summary;
drop table daily_summary;
drop table summary_state;

create table daily_counts (
    site_id integer not null,
    day text not null,
    attribution_rank integer not null,
    traffic_source text not null,
    device_type text not null,
    is_bot integer not null default 0,
    is_internal integer not null default 0,
    sessions integer not null default 0,
    without_fingerprint integer not null default 0,
    conversion_events integer not null default 0,
    total_duration_sec integer not null default 0,
    bounces integer not null default 0,
    without_intent integer not null default 0,
    denied integer not null default 0,
    phone integer not null default 0,
    whatsapp integer not null default 0,
    form integer not null default 0,
    calls integer not null default 0,
    sealed integer not null default 0,
    primary key (site_id, day, attribution_rank, device_type, is_bot, is_internal)
) strict, without rowid;

create view daily_summary as
select site_id, day, traffic_source, device_type,
    sum(sessions * (is_bot = 0 and is_internal = 0)) as sessions,
    sum(conversion_events * (is_bot = 0 and is_internal = 0)) as conversion_events,
    sum((phone + whatsapp) * (is_bot = 0 and is_internal = 0)) as intents,
    sum(sealed * (is_bot = 0 and is_internal = 0)) as sealed,
    sum(total_duration_sec * (is_bot = 0 and is_internal = 0)) as total_duration_sec,
    sum(bounces * (is_bot = 0 and is_internal = 0)) as bounces,
    sum(sessions * (is_bot = 1)) as bots,
    sum(sessions * (is_bot = 0 and is_internal = 1)) as internal
from daily_counts group by site_id, day, traffic_source, device_type;

create view mv_daily_analytics_summary as
select site_id, day as date, traffic_source, device_type, sessions as total_sessions, conversion_events as total_conversions,
    case when sessions > 0 then total_duration_sec * 1.0 / sessions end as avg_duration,
    case when sessions > 0 then bounces * 1.0 / sessions end as bounce_rate
from daily_summary;

-- What happened in days since they were summed up: quarters of an hour (UTC milliseconds / 900000), because a day is its site's and
-- every zone's days are whole quarters. The quarter 0 is every day of the site. `round` tells what came after a refresh began: a
-- refresh takes what earlier rounds left.
create table days_due (
    site_id integer not null,
    quarter integer not null,
    round integer not null,
    primary key (site_id, quarter, round)
) strict, without rowid;

create table summary_round (
    one integer not null primary key check (one = 1),
    round integer not null
) strict;
insert into summary_round (one, round) values (1, 1);
insert into days_due (site_id, quarter, round) select id, 0, 0 from sites;

-- Contacts: whoever writes them. Half an hour later, too: a sealed call that follows a sealed tap is none of its own.
create trigger due_with_new_contact after insert on calls begin
    insert or ignore into days_due select new.site_id, new.at / 900000, round from summary_round;
    insert or ignore into days_due select new.site_id, new.at / 900000 + 2, round from summary_round;
end;

create trigger due_with_changed_contact after update of at, status, source, intent_action, is_bot, is_internal, attribution_rank_at_tap,
    matched_session_id, matched_session_month on calls
when old.at is not new.at or old.status is not new.status or old.source is not new.source or old.intent_action is not new.intent_action
    or old.is_bot is not new.is_bot or old.is_internal is not new.is_internal
    or old.attribution_rank_at_tap is not new.attribution_rank_at_tap or old.matched_session_id is not new.matched_session_id
    or old.matched_session_month is not new.matched_session_month
begin
    insert or ignore into days_due select old.site_id, old.at / 900000, round from summary_round;
    insert or ignore into days_due select old.site_id, old.at / 900000 + 2, round from summary_round;
    insert or ignore into days_due select new.site_id, new.at / 900000, round from summary_round;
    insert or ignore into days_due select new.site_id, new.at / 900000 + 2, round from summary_round;
end;

create trigger due_with_deleted_contact after delete on calls begin
    insert or ignore into days_due select old.site_id, old.at / 900000, round from summary_round;
    insert or ignore into days_due select old.site_id, old.at / 900000 + 2, round from summary_round;
end;

create trigger due_with_another_zone after update of timezone on sites when old.timezone is not new.timezone begin
    insert or ignore into days_due select new.id, 0, round from summary_round;
end;
