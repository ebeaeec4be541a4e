-- count_sessions --
-- A month file's sessions of a span of time, by site, slots of `slot_ms` and what a report tells apart, with their fingerprints. These as
-- one array a row: each row that is fetched waits for the interpreter's lock. (No statement here names a site: only those that are asked
-- about are in the connection's scope.)
select site_id, (created_at - :begin_ms) / :slot_ms as slot, attribution_rank, is_bot, is_internal, count(*) as sessions,
    json_group_array(fingerprint) filter (where fingerprint is not null) as fingerprints
from sessions where created_at >= :from_ms and created_at < :to_ms
group by 1, 2, 3, 4, 5;

-- describe_sessions --
-- What the sessions of a span of time were like. A bounce is product.md's: one page view, no intent, form or conversion event, scroll
-- under 50 % (bits 4 and 8 of `fired`), under ten seconds. `denied`: the visitor's choice took the click id.
select attribution_rank, is_bot, is_internal, device_type, count(*) as sessions, sum(total_duration_sec) as seconds,
    sum(page_views <= 1 and intents = 0 and conversion_events = 0 and fired & 12 = 0 and last_event_at - created_at < 10000) as bounces,
    sum(intents = 0) as without_intent,
    sum(consent in ('denied', 'limit') or instr(consent, 'ad_storage=denied') > 0) as denied
from sessions where created_at >= :from_ms and created_at < :to_ms
group by attribution_rank, is_bot, is_internal, device_type;

-- count_contacts --
-- Intents, forms and calls of a span of time, by slots of `slot_ms`, with the attribution known at the tap (6, organic, where there was none).
select site_id, (at - :begin_ms) / :slot_ms as slot, coalesce(attribution_rank_at_tap, 6) as attribution_rank, is_bot, is_internal, source,
    coalesce(intent_action, '') as intent_action, count(*) as contacts
from calls where at >= :from_ms and at < :to_ms
group by 1, 2, 3, 4, 5, 6, 7;

-- list_due --
-- When something changed in days that were summed up; the quarter 0 is every day.
select distinct quarter from days_due where quarter = 0 or (quarter >= :from_ms / 900000 and quarter <= :to_ms / 900000);

-- sum_days --
-- What days that were summed up amount to, as the statements above would tell it, without fingerprints and slots.
select site_id, attribution_rank, is_bot, is_internal, device_type, sum(sessions) as sessions, sum(without_fingerprint) as without_fingerprint,
    sum(total_duration_sec) as seconds, sum(bounces) as bounces, sum(without_intent) as without_intent, sum(denied) as denied,
    sum(phone) as phone, sum(whatsapp) as whatsapp, sum(form) as form, sum(calls) as calls
from daily_counts where day >= :from_day and day <= :to_day
group by 1, 2, 3, 4, 5;

-- list_sealed --
-- What was sealed, row by row: there are few, and a tap and its matched call must become one.
select site_id, id, at, coalesce(attribution_rank_at_tap, 6) as attribution_rank, is_bot, is_internal, source,
    coalesce(intent_action, '') as intent_action, matched_session_id, sale_amount, currency
from calls where at >= :from_ms and at < :to_ms and status in ('confirmed', 'qualified', 'real');

-- list_ad_clicks --
-- Google's numbers as they became known, oldest knowledge first: domain/ad_numbers.py says which of them count.
select site_id, day, campaign, clicks, google_conversions, cost, as_of, currency, source, call_clicks
from ad_clicks where day >= :from_day and day <= :to_day
order by as_of, id;

-- list_client_counts --
-- What the client counted himself, oldest first: the newest of a day counts.
select site_id, day, whatsapp, phone, as_of
from client_counts where day >= :from_day and day <= :to_day
order by as_of, id;

-- read_sites --
-- The sites' own settings that a report stands on.
select id, public_id, currency, google_timezone from sites;

-- count_repeated_clicks --
-- Clicks, and those that opened no session of their own: the same visitor's, in the session of the first.
select count(*) as clicks, count(*) - count(distinct session_id) as repeated
from touches where at >= :from_ms and at < :to_ms and time_unknown = 0;

-- count_origins --
-- Human sessions of a span of time by what their address says: campaign, keyword, and the first page without its query.
select coalesce(nullif(utm_campaign, ''), campaignid, '') as campaign, coalesce(nullif(keyword, ''), utm_term, '') as keyword,
    substr(entry_page, 1, min(instr(entry_page || '?', '?'), instr(entry_page || '#', '#')) - 1) as landing_page, attribution_rank,
    count(*) as sessions
from sessions
where created_at >= :from_ms and created_at < :to_ms and is_bot = 0 and is_internal = 0
group by 1, 2, 3, 4;

-- list_clicks --
-- The click ids that opened everybody's sessions, slot by slot: a page that is opened again brings its click id along.
select json_group_array(coalesce(gclid, wbraid, gbraid)) as click_ids
from sessions
where created_at >= :from_ms and created_at < :to_ms and attribution_rank = 1
    and coalesce(gclid, wbraid, gbraid) is not null
group by (created_at - :from_ms) / :slot_ms;

-- count_tap_origins --
-- Human taps of a span of time, by the campaign, keyword and first page of the session they belong to, which lies in this month.
-- `cross join`: the taps first, then each one's session by its id.
select coalesce(nullif(s.utm_campaign, ''), s.campaignid, '') as campaign, coalesce(nullif(s.keyword, ''), s.utm_term, '') as keyword,
    substr(s.entry_page, 1, min(instr(s.entry_page || '?', '?'), instr(s.entry_page || '#', '#')) - 1) as landing_page,
    coalesce(c.attribution_rank_at_tap, 6) as attribution_rank, count(*) as taps
from calls as c cross join sessions as s on s.site_id = c.site_id and s.id = c.matched_session_id
where c.at >= :from_ms and c.at < :to_ms and c.matched_session_month = :month and c.source = 'click'
    and c.intent_action in ('phone', 'whatsapp') and c.is_bot = 0 and c.is_internal = 0
group by 1, 2, 3, 4;

-- count_buttons --
-- Human taps of a span of time by the button's place on the page ('' where the tracker told none), and the month of their session.
select position, coalesce(matched_session_month, '') as month, coalesce(attribution_rank_at_tap, 6) as attribution_rank,
    count(*) as taps
from calls
where at >= :from_ms and at < :to_ms and source = 'click' and intent_action in ('phone', 'whatsapp')
    and is_bot = 0 and is_internal = 0
group by 1, 2, 3;

-- list_late_sessions --
-- Human sessions whose first event was received 48 hours or more after it happened, with when it was. `cross join`: the sessions
-- first, then each one's first event by its key.
select s.created_at, e.received_at
from sessions as s cross join events as e on e.session_no = s.no and e.created_at = s.created_at and e.seq = s.entry_seq
where s.created_at >= :from_ms and s.created_at < :to_ms and s.is_bot = 0 and s.is_internal = 0
    and e.received_at >= s.created_at + 172800000;

-- list_late_contacts --
-- Human taps, forms and calls that were told 48 hours or more after they happened.
select at, received_at, source
from calls
where at >= :from_ms and at < :to_ms and received_at >= at + 172800000 and is_bot = 0 and is_internal = 0;

-- list_late_verdicts --
-- What was said of human taps, forms and calls 48 hours or more after they happened. `cross join`: few calls, then their verdicts.
select c.at, v.at as said_at, v.from_status, v.to_status
from calls as c cross join verdicts as v on v.call_id = c.id
where c.at >= :from_ms and c.at < :to_ms and c.is_bot = 0 and c.is_internal = 0
    and v.at >= c.at + 172800000;

-- list_erased_counts --
-- What was deleted of the numbers of a span of days, because a visitor was erased, or because its days were over.
select at, day, what, cause, count from erased_counts where day >= :from_day and day <= :to_day;
