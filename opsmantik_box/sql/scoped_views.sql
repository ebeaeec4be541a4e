-- sites --
-- One's own sites.
select id, public_id, name, domains, staging_domains, timezone, default_region, currency, consent, google_timezone, targets,
    created_at, deleted_at
from {ledger}.sites where id in (select site_id from temp.scope);

-- calls --
-- Intents and calls; the other party's number stays in the ledger, but for what may be shown of it unasked.
select id, site_id, at, received_at, called_number, direction, call_state, answered_at, ended_at, duration_sec, provider,
    provider_call_id, matched_session_id, matched_session_month, matched_fingerprint, match_likelihood, candidates, matched_at,
    lead_score, lead_score_at_match, score_breakdown, attribution_at_tap, attribution_rank_at_tap, attribution_source, is_bot,
    is_internal, status, source, confirmed_at, confirmed_by, note, sale_amount, currency, intent_stamp, intent_action, intent_target,
    intent_page_url, position, click_id, click_id_kind, click_at, consent, version, created_at, lead_id,
    match_how, masked_number, masked_name, masked_email, device, place
from {ledger}.calls where site_id in (select site_id from temp.scope);

-- verdicts --
-- What was said of them.
select id, site_id, call_id, at, by, from_status, to_status, amount, currency, note
from {ledger}.verdicts where site_id in (select site_id from temp.scope);

-- leads --
-- Who has claimed what.
select id, site_id, version, claimed_by, claimed_since, claimed_until
from {ledger}.leads where site_id in (select site_id from temp.scope);

-- attempts --
-- What came of trying to reach somebody.
select id, site_id, lead_id, call_id, at, by, outcome, again_at
from {ledger}.attempts where site_id in (select site_id from temp.scope);

-- notes --
-- What to remember.
select id, site_id, lead_id, call_id, at, by, note
from {ledger}.notes where site_id in (select site_id from temp.scope);

-- reminders --
-- When to look again.
select id, site_id, lead_id, at, by, due_at, rang_at, closed_at
from {ledger}.reminders where site_id in (select site_id from temp.scope);

-- people --
-- Who works on one's own sites, by the numbers that rows carry as `by`.
select id, case when name <> '' then name else email end as name
from {ledger}.users
where deleted_at is null and id in (select user_id from {ledger}.site_members where site_id in (select site_id from temp.scope));

-- touches --
-- Ad interactions.
select site_id, fingerprint, kind, click_id, at, session_id, address_prefix, strength, time_unknown
from {ledger}.touches where site_id in (select site_id from temp.scope);

-- feed --
-- What the stream tells. Rows of the Box itself have no site: they are seen with the site 0, which is no tenant's.
select seq, at, topic, site_id, ref, version, body
from {ledger}.feed where coalesce(site_id, 0) in (select site_id from temp.scope);

-- alerts --
-- What is or was wrong with them; with the site 0, also with the Box itself.
select id, kind, site_id, at, text, details, times, last_at, resolved_at, level, since, covered_by, acknowledged_at, acknowledged_by,
    silenced_until, version
from {ledger}.alerts where coalesce(site_id, 0) in (select site_id from temp.scope);

-- ad_clicks --
-- Google's own numbers.
select id, site_id, day, campaign, clicks, google_conversions, action, cost, currency, as_of, source, call_clicks
from {ledger}.ad_clicks where site_id in (select site_id from temp.scope);

-- client_counts --
-- What the client counted.
select id, site_id, day, whatsapp, phone, note, as_of
from {ledger}.client_counts where site_id in (select site_id from temp.scope);

-- daily_counts --
-- What days amount to, as a report is made of it.
select site_id, day, attribution_rank, traffic_source, device_type, is_bot, is_internal, sessions, without_fingerprint, conversion_events,
    total_duration_sec, bounces, without_intent, denied, phone, whatsapp, form, calls, sealed
from {ledger}.daily_counts where site_id in (select site_id from temp.scope);

-- days_due --
-- When something changed since its day was summed up.
select site_id, quarter, round
from {ledger}.days_due where site_id in (select site_id from temp.scope);

-- daily_summary --
-- Days by source and device, people's alone; from the table, because an inner view reads tables only.
select site_id, day, traffic_source, device_type,
    sum(sessions * (is_bot = 0 and is_internal = 0)) as sessions,
    sum(conversion_events * (is_bot = 0 and is_internal = 0)) as conversion_events,
    sum((phone + whatsapp) * (is_bot = 0 and is_internal = 0)) as intents,
    sum(sealed * (is_bot = 0 and is_internal = 0)) as sealed,
    sum(total_duration_sec * (is_bot = 0 and is_internal = 0)) as total_duration_sec,
    sum(bounces * (is_bot = 0 and is_internal = 0)) as bounces,
    sum(sessions * (is_bot = 1)) as bots,
    sum(sessions * (is_bot = 0 and is_internal = 1)) as internal
from {ledger}.daily_counts where site_id in (select site_id from temp.scope)
group by site_id, day, traffic_source, device_type;

-- erased_counts --
-- What days' numbers lost, and why.
select id, site_id, day, at, what, cause, count
from {ledger}.erased_counts where site_id in (select site_id from temp.scope);

-- mv_daily_analytics_summary --
-- The same under its older name.
select site_id, day as date, traffic_source, device_type,
    sum(sessions * (is_bot = 0 and is_internal = 0)) as total_sessions,
    sum(conversion_events * (is_bot = 0 and is_internal = 0)) as total_conversions,
    sum(total_duration_sec * (is_bot = 0 and is_internal = 0)) * 1.0
        / nullif(sum(sessions * (is_bot = 0 and is_internal = 0)), 0) as avg_duration,
    sum(bounces * (is_bot = 0 and is_internal = 0)) * 1.0 / nullif(sum(sessions * (is_bot = 0 and is_internal = 0)), 0) as bounce_rate
from {ledger}.daily_counts where site_id in (select site_id from temp.scope)
group by site_id, day, traffic_source, device_type;

-- tracker_hours --
-- What trackers told of themselves, by hour (UTC, hours since 1970).
select site_id, hour, kind, name, n from {ledger}.tracker_hours where site_id in (select site_id from temp.scope);
