-- read_reached --
-- The newest signal there ever was, and the newest verdict.
select coalesce((select seq from sqlite_sequence where name = 'signals'), 0), coalesce((select max(id) from verdicts), 0);

-- list_zones --
-- Every site and whose days are its own.
select id, timezone from sites where deleted_at is null order by id;

-- read_state --
-- How far daily_summary has come.
select seq, verdict_id, at from summary_state;

-- read_day --
-- What daily_summary says of a day.
select site_id, day, traffic_source, device_type, sessions, conversion_events, intents, sealed, total_duration_sec, bounces, bots, internal
from daily_summary where site_id = ? and day = ? order by traffic_source, device_type;

-- list_months --
-- Every month, and what its file must reach.
select month, file, last_seq from partitions order by month;

-- read_checkpoint --
-- What a month file has.
select coalesce(max(seq), 0) from checkpoint;

-- list_decisions --
-- What was accepted in between.
select decision from signals where seq > ? and seq <= ? and decision is not null;

-- list_judged --
-- Contacts of which something was said since.
select c.site_id, c.at from verdicts as v join calls as c on c.id = v.call_id where v.id > ? and v.id <= ?;

-- list_erased --
-- Sites of which somebody was erased since; null is every site.
select site_id from erasures where state = 'done' and json_extract(receipt, '$.done_at') > ?;

-- read_span --
-- When a session began and was heard of last.
select created_at, last_event_at from sessions where site_id = ? and id = ?;

-- first_session --
-- When a site's first session of a month file began.
select min(created_at) from sessions where site_id = ?;

-- first_contact --
-- When a site's first intent or call was.
select min(at) from calls where site_id = ?;

-- sum_sessions --
-- A site's sessions of a day, by source and device. A bounce is that of the report (count_sessions).
select attribution_source, device_type,
    coalesce(sum(is_bot = 0 and is_internal = 0), 0),
    coalesce(sum(conversion_events) filter (where is_bot = 0 and is_internal = 0), 0),
    coalesce(sum(total_duration_sec) filter (where is_bot = 0 and is_internal = 0), 0),
    coalesce(sum(page_views <= 1 and intents = 0 and conversion_events = 0 and fired & 12 = 0 and last_event_at - created_at < 10000)
        filter (where is_bot = 0 and is_internal = 0), 0),
    sum(is_bot = 1), sum(is_bot = 0 and is_internal = 1)
from sessions where site_id = :site_id and created_at >= :start and created_at < :end group by 1, 2;

-- list_contacts --
-- A site's intents and calls of a time.
select id, at, coalesce(attribution_rank_at_tap, 6), is_bot = 0 and is_internal = 0, source, coalesce(intent_action, ''), matched_session_id,
    matched_session_month, coalesce(status in ('confirmed', 'qualified', 'real'), 0)
from calls where site_id = :site_id and at >= :start and at < :end;

-- find_device --
-- What a session was on.
select device_type from sessions where site_id = ? and id = ?;
