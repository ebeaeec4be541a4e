-- _event --
-- Columns of EventView.
created_at, seq, hex(event_id), site_id, session_id, session_month, url, event_category, event_action, event_label, event_value,
    metadata, received_at, device_type, browser, city, district, lead_score, attribution_source, is_bot, is_internal

-- _session --
-- Columns of SessionView.
created_at, id, site_id, created_month, last_event_at, entry_page, exit_page, event_count, page_views, intents,
    conversion_events, scroll_pct, total_duration_sec, active_sec, lead_score, fired, attribution_source, attribution_rank,
    fingerprint, fingerprint_strength, gclid, wbraid, gbraid, click_at, utm_source, utm_medium, utm_campaign, utm_term,
    utm_content, keyword, device_type, browser, city, district, referrer_host, ip_address, consent, is_bot, bot_reason, is_internal

-- _contact --
-- Columns of IntentView, of `calls as c`.
c.at, c.id, c.site_id, c.lead_id, c.matched_session_id, c.matched_session_month, c.source, c.intent_action, c.intent_target,
    c.status, c.version, c.sale_amount, c.currency, c.note, c.confirmed_at, c.confirmed_by, c.lead_score_at_match,
    c.score_breakdown, c.attribution_at_tap, c.attribution_rank_at_tap, c.attribution_source, c.intent_page_url, c.position,
    c.click_id_kind, c.click_at, c.device, c.place, c.is_bot, c.is_internal, c.received_at, c.masked_number, c.masked_name, c.masked_email, c.direction,
    c.call_state, c.answered_at, c.ended_at, c.duration_sec, c.called_number, c.match_how, c.match_likelihood, c.candidates

-- _work --
-- Columns of WorkView, of `c` (whatever has a lead_id) with _with_work.
coalesce(l.version, 0), l.claimed_by, l.claimed_since, l.claimed_until, r.by, r.due_at, r.rang_at,
    (select count(*) from attempts as a where a.lead_id = c.lead_id),
    (select min(a.at) from attempts as a where a.lead_id = c.lead_id),
    t.call_id, t.at, t.by, t.outcome, t.again_at,
    (select count(*) from notes as n where n.lead_id = c.lead_id)

-- _with_work --
-- What was done with the lead of `c`.
left join leads as l on l.id = c.lead_id
left join reminders as r on r.lead_id = c.lead_id and r.closed_at is null
left join attempts as t on t.id = (select max(a.id) from attempts as a where a.lead_id = c.lead_id)

-- list_events --
-- A site's newest events of one month file. `before_*` is the last row of the page before; seq is the ledger's, unique everywhere.
select {_event}
from events
where site_id = :site_id and created_at >= :from_ms and created_at <= :before_at and (created_at < :before_at or seq < :before_key)
order by created_at desc, seq desc limit :limit;

-- list_sessions --
-- A site's newest sessions of one month file. Bots first, then internal, are apart; 1, 2 and 4 are the ads ranks.
select {_session}
from sessions
where site_id = :site_id and created_at >= :from_ms and created_at <= :before_at and (created_at < :before_at or id < :before_key)
    and is_bot = :is_bot and (is_bot = 1 or is_internal = :is_internal) and (:ads = 0 or attribution_rank in (1, 2, 4))
order by created_at desc, id desc limit :limit;

-- list_intents --
-- A site's newest intents, forms and calls, with the work on their leads.
select {_contact}, {_work}
from calls as c {_with_work}
where c.site_id = :site_id and c.at >= :from_ms and c.at <= :before_at and (c.at < :before_at or c.id < :before_key)
    and c.is_bot = :is_bot and (c.is_bot = 1 or c.is_internal = :is_internal)
    and (:ads = 0 or coalesce(c.attribution_rank_at_tap, 6) in (1, 2, 4))
order by c.at desc, c.id desc limit :limit;

-- find_session --
-- One session of a site in one month file, and its row's number.
select {_session}, no
from sessions where site_id = :site_id and id = :id;

-- list_timeline --
-- A session's events in the order in which they happened: one range of the primary key.
select {_event}
from events
where session_no = :no and created_at >= :after_at and (created_at > :after_at or seq > :after_key)
order by created_at, seq limit :limit;

-- list_session_intents --
-- What a session led to. `+`: the index by session, not the one by site and time.
select {_contact}
from calls as c where c.matched_session_id = :id and +c.site_id = :site_id
order by c.at, c.id limit 200;

-- read_feed --
-- The feed between two rows, in order. The key, not an index by site: all who follow the stream read it together.
select seq, at, topic, site_id, ref, version, body
from feed where seq > :after and seq <= :upto
order by seq limit :limit;

-- find_recent_intent --
-- The newest intent of a visitor to a target since a time: what an old tracker asks of a tap it has told.
select id, matched_session_id, lead_score_at_match
from calls
where site_id = :site_id and source = 'click' and at >= :from_ms and matched_fingerprint = :fingerprint and intent_target = :target
order by at desc limit 1;

-- list_people --
-- Who works on one of these sites.
select id, name from people order by name, id;

-- _queue --
-- The leads an operator's first screen shows, each once: of the last day, with a reminder, claimed, or with a missed call or form that
-- nobody judged.
select lead_id from calls where at >= :day_ms and is_bot = 0 and is_internal = 0
union select lead_id from reminders where closed_at is null
union select id from leads where claimed_until > :now
union select lead_id from calls
    where call_state = 'missed' and status is null and at >= :week_ms and direction <> 'outbound' and is_bot = 0 and is_internal = 0
union select lead_id from calls
    where source = 'form' and at >= :week_ms and +status = 'intent' and is_bot = 0 and is_internal = 0

-- list_queue --
-- The newest contacts of each of these leads, and how many it has.
select {_contact}, q.contacts
from (
    select id, contacts from (
        select id, count(*) over (partition by lead_id) as contacts,
            row_number() over (partition by lead_id order by at desc, id desc) as place
        from calls where lead_id in ({_queue}))
    where place <= :most) as q
join calls as c on c.id = q.id
order by c.at desc, c.id desc limit :limit;

-- list_queue_work --
-- What was done with them.
select c.lead_id, {_work}
from ({_queue}) as c {_with_work};

-- find_lead --
-- The lead of a row, and the row's visit.
select lead_id, matched_session_id, matched_session_month from calls where id = :id and +site_id = :site_id;

-- list_contacts --
-- A lead's newest contacts, and how many it has.
select {_contact}, count(*) over () from calls as c where c.lead_id = :lead
order by c.at desc, c.id desc limit :most;

-- find_work --
-- What was done with a lead.
select c.lead_id, {_work}
from (select :lead as lead_id) as c {_with_work};

-- list_attempts --
-- Who tried to reach somebody, newest first.
select call_id, at, by, outcome, again_at from attempts where lead_id = :lead order by id desc limit 200;

-- list_notes --
-- What was noted, newest first.
select call_id, at, by, note from notes where lead_id = :lead order by id desc limit 200;

-- list_reminders --
-- When somebody wanted to look again, newest first.
select at, by, due_at, rang_at, closed_at from reminders where lead_id = :lead order by id desc limit 200;

-- list_verdicts --
-- The trail of all rows of a lead, newest first.
select call_id, at, by, from_status, to_status, amount, currency, note
from verdicts where call_id in (select id from calls where lead_id = :lead) order by id desc limit 200;

-- list_earlier --
-- A visitor's visits before one, newest first, of one month file. `+`: the index by visitor, not the one by time.
select {_session} from sessions
where site_id = :site_id and fingerprint = :fingerprint and +created_at < :before_ms
order by +created_at desc limit :limit;

-- read_arrivals --
-- What trackers of a site told since an hour, added up; of the outbox the deepest.
select kind, name, case kind when 'outbox' then max(n) else sum(n) end
from tracker_hours where site_id = :site_id and hour >= :from_hour
group by kind, name order by kind, sum(n) desc, name;

-- list_alerts --
-- Alerts, newest first: the open ones, or all.
select at, id, site_id, kind, level, text, since, last_at, times, resolved_at, acknowledged_at, acknowledged_by, silenced_until,
    covered_by, version
from alerts
where at <= :before_at and (at < :before_at or id < :before_key) and (:all = 1 or resolved_at is null)
order by at desc, id desc limit :limit;
