-- count_sessions --
-- A month file's sessions of a span of time, by what a report tells apart. A bounce is product.md's: one page view, no intent, form or
-- conversion event, scroll under 50 % (bits 4 and 8 of `fired`), under ten seconds.
select attribution_rank, is_bot, is_internal, device_type, count(*) as sessions, sum(total_duration_sec) as seconds,
    sum(page_views <= 1 and intents = 0 and conversion_events = 0 and fired & 12 = 0 and last_event_at - created_at < 10000) as bounces,
    sum(fingerprint is null) as without_fingerprint
from sessions where site_id = :site_id and created_at >= :from_ms and created_at < :to_ms
group by attribution_rank, is_bot, is_internal, device_type;

-- count_session_quarters --
-- Human sessions by quarter of an hour (UTC): every zone's hours begin with one.
select created_at / 900000 as quarter, attribution_rank, count(*) as sessions
from sessions where site_id = :site_id and created_at >= :from_ms and created_at < :to_ms and is_bot = 0 and is_internal = 0
group by 1, 2;

-- list_visitors --
-- Each fingerprint once with the buckets it was seen in, as bits: 1 ads, 2 all, 4 other paid, 8 bots, 16 internal.
select fingerprint,
    max(is_bot = 0 and is_internal = 0 and attribution_rank in (1, 2, 4))
    + 2 * max(is_bot = 0 and is_internal = 0)
    + 4 * max(is_bot = 0 and is_internal = 0 and attribution_rank in (3, 5))
    + 8 * max(is_bot = 1)
    + 16 * max(is_bot = 0 and is_internal = 1) as buckets
from sessions where site_id = :site_id and created_at >= :from_ms and created_at < :to_ms and fingerprint is not null
group by fingerprint;

-- count_contacts --
-- Intents, forms and calls of a span of time, with the attribution known at the tap (6, organic, where there was none).
select at / 900000 as quarter, coalesce(attribution_rank_at_tap, 6) as attribution_rank, is_bot, is_internal, source,
    coalesce(intent_action, '') as intent_action, count(*) as contacts
from calls where site_id = :site_id and at >= :from_ms and at < :to_ms
group by 1, 2, 3, 4, 5, 6;

-- list_sealed --
-- What was sealed, row by row: there are few, and a tap and its matched call must become one.
select id, at, coalesce(attribution_rank_at_tap, 6) as attribution_rank, is_bot, is_internal, source,
    coalesce(intent_action, '') as intent_action, matched_session_id, sale_amount, currency
from calls where site_id = :site_id and at >= :from_ms and at < :to_ms and status in ('confirmed', 'qualified', 'real');

-- list_ad_clicks --
-- Google's numbers as they became known, oldest knowledge first: the newest of a day and campaign counts.
select day, campaign, clicks, google_conversions, cost, as_of
from ad_clicks where site_id = :site_id and day >= :from_day and day <= :to_day
order by as_of, id;

-- list_client_counts --
-- What the client counted himself, oldest first: the newest of a day counts.
select day, whatsapp, phone
from client_counts where site_id = :site_id and day >= :from_day and day <= :to_day
order by as_of, id;

-- read_site --
-- The site's own settings that a report stands on.
select public_id, timezone, currency, google_timezone from sites where id = :site_id;
