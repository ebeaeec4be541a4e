-- list_events --
-- A site's newest events of one month file. `before_*` is the last row of the page before; seq is the ledger's, unique everywhere.
select created_at, seq, hex(event_id), site_id, session_id, session_month, url, event_category, event_action, event_label, event_value,
    metadata, received_at, device_type, browser, city, district, lead_score, attribution_source, is_bot, is_internal
from events
where site_id = :site_id and created_at >= :from_ms and created_at <= :before_at and (created_at < :before_at or seq < :before_key)
order by created_at desc, seq desc limit :limit;

-- list_sessions --
-- A site's newest sessions of one month file. Bots first, then internal, are apart; 1, 2 and 4 are the ads ranks.
select created_at, id, site_id, created_month, last_event_at, entry_page, exit_page, event_count, page_views, intents,
    conversion_events, scroll_pct, total_duration_sec, active_sec, lead_score, fired, attribution_source, attribution_rank,
    fingerprint, fingerprint_strength, gclid, wbraid, gbraid, click_at, utm_source, utm_medium, utm_campaign, utm_term,
    utm_content, keyword, device_type, browser, city, district, referrer_host, ip_address, consent, is_bot, bot_reason, is_internal
from sessions
where site_id = :site_id and created_at >= :from_ms and created_at <= :before_at and (created_at < :before_at or id < :before_key)
    and is_bot = :is_bot and (is_bot = 1 or is_internal = :is_internal) and (:ads = 0 or attribution_rank in (1, 2, 4))
order by created_at desc, id desc limit :limit;

-- list_intents --
-- A site's newest intents, forms and calls.
select at, id, site_id, source, intent_action, intent_target, status, lead_score_at_match, score_breakdown, attribution_at_tap,
    attribution_rank_at_tap, attribution_source, matched_session_id, matched_session_month, intent_page_url, position, click_id_kind,
    click_at, sale_amount, currency, note, is_bot, is_internal, version, received_at, coalesce(lead_id, id), direction, call_state,
    answered_at, ended_at, duration_sec, called_number, masked_number, match_how, match_likelihood, candidates
from calls
where site_id = :site_id and at >= :from_ms and at <= :before_at and (at < :before_at or id < :before_key)
    and is_bot = :is_bot and (is_bot = 1 or is_internal = :is_internal)
    and (:ads = 0 or coalesce(attribution_rank_at_tap, 6) in (1, 2, 4))
order by at desc, id desc limit :limit;

-- find_session --
-- One session of a site in one month file, and its row's number.
select created_at, id, site_id, created_month, last_event_at, entry_page, exit_page, event_count, page_views, intents,
    conversion_events, scroll_pct, total_duration_sec, active_sec, lead_score, fired, attribution_source, attribution_rank,
    fingerprint, fingerprint_strength, gclid, wbraid, gbraid, click_at, utm_source, utm_medium, utm_campaign, utm_term,
    utm_content, keyword, device_type, browser, city, district, referrer_host, ip_address, consent, is_bot, bot_reason, is_internal, no
from sessions where site_id = :site_id and id = :id;

-- list_timeline --
-- A session's events in the order in which they happened: one range of the primary key.
select created_at, seq, hex(event_id), site_id, session_id, session_month, url, event_category, event_action, event_label, event_value,
    metadata, received_at, device_type, browser, city, district, lead_score, attribution_source, is_bot, is_internal
from events
where session_no = :no and created_at >= :after_at and (created_at > :after_at or seq > :after_key)
order by created_at, seq limit :limit;

-- list_session_intents --
-- What a session led to. `+`: the index by session, not the one by site and time.
select at, id, site_id, source, intent_action, intent_target, status, lead_score_at_match, score_breakdown, attribution_at_tap,
    attribution_rank_at_tap, attribution_source, matched_session_id, matched_session_month, intent_page_url, position, click_id_kind,
    click_at, sale_amount, currency, note, is_bot, is_internal, version, received_at, coalesce(lead_id, id), direction, call_state,
    answered_at, ended_at, duration_sec, called_number, masked_number, match_how, match_likelihood, candidates
from calls where matched_session_id = :id and +site_id = :site_id
order by at, calls.id limit 200;

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

-- read_arrivals --
-- What trackers of a site told since an hour, added up; of the outbox the deepest.
select kind, name, case kind when 'outbox' then max(n) else sum(n) end
from tracker_hours where site_id = :site_id and hour >= :from_hour
group by kind, name order by kind, sum(n) desc, name;
