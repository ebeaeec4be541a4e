-- list_zones --
-- Every site and whose days are its own.
select id, timezone from sites where deleted_at is null order by id;

-- list_due --
-- What changed in rounds before this one.
select distinct site_id, quarter from days_due where round < ?;

-- read_day --
-- What is kept of a day.
select site_id, day, attribution_rank, traffic_source, device_type, is_bot, is_internal, sessions, without_fingerprint, conversion_events,
    total_duration_sec, bounces, without_intent, denied, phone, whatsapp, form, calls, sealed
from daily_counts where site_id = ? and day = ? order by attribution_rank, device_type, is_bot, is_internal;

-- list_kept_days --
-- The days of a site that are kept, from one on.
select distinct day from daily_counts where site_id = ? and day >= ?;

-- list_months --
-- Every month and its file.
select month, file from partitions order by month;

-- first_session --
-- When a site's first session of a month file began.
select min(created_at) from sessions where site_id = ?;

-- first_contact --
-- When a site's first intent or call was.
select min(at) from calls where site_id = ?;

-- sum_sessions --
-- A site's sessions of a day, by what a report tells apart. What a bounce is: describe_sessions.
select attribution_rank, attribution_source, device_type, is_bot, is_internal, count(*), count(*) - count(fingerprint),
    sum(conversion_events), sum(total_duration_sec),
    sum(page_views <= 1 and intents = 0 and conversion_events = 0 and fired & 12 = 0 and last_event_at - created_at < 10000),
    sum(intents = 0), sum(consent in ('denied', 'limit') or instr(consent, 'ad_storage=denied') > 0)
from sessions where site_id = :site_id and created_at >= :start and created_at < :end group by 1, 2, 3, 4, 5;

-- list_contacts --
-- A site's intents and calls of a time.
select id, at, coalesce(attribution_rank_at_tap, 6), is_bot, is_internal, source, coalesce(intent_action, ''), matched_session_id,
    matched_session_month, coalesce(status in ('confirmed', 'qualified', 'real'), 0)
from calls where site_id = :site_id and at >= :start and at < :end;

-- find_device --
-- What a session was on.
select device_type from sessions where site_id = ? and id = ?;
