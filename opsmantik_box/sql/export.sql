-- export_sessions --
-- A site's sessions of one month file in the order in which they began. `after_*` is the last row of the page before.
select created_at, id, created_month, last_event_at, entry_page, exit_page, ip_address, fingerprint, fingerprint_strength, gclid, wbraid,
    gbraid, click_at, utm_source, utm_medium, utm_campaign, utm_term, utm_content, campaignid, adgroupid, keyword, matchtype, network,
    device, loc_physical_ms, attribution_source, attribution_rank, fired, lead_score, weights_version, event_count, page_views, intents,
    conversion_events, scroll_pct, total_duration_sec, active_sec, device_type, browser, referrer_host, city, district, consent, is_bot,
    bot_reason, is_internal
from sessions
where site_id = :site_id and created_at < :to_ms and created_at >= :after_at and (created_at > :after_at or id > :after_key)
order by created_at, id limit :limit;

-- export_events --
-- A site's events of one month file in the order in which they happened; seq is the ledger's, unique everywhere.
select created_at, seq, hex(event_id) as event_id, session_id, session_month, url, event_category, event_action, event_label, event_value,
    metadata, received_at
from events
where site_id = :site_id and created_at < :to_ms and created_at >= :after_at and (created_at > :after_at or seq > :after_key)
order by created_at, seq limit :limit;

-- export_intents --
-- A site's intents, forms and calls. The other party's number is not here: no view of a scope has it.
select at, id, source, intent_action, intent_target, intent_page_url, intent_stamp, position, status, called_number, direction, call_state,
    answered_at, ended_at, duration_sec, provider, provider_call_id, matched_session_id, matched_session_month, matched_fingerprint,
    match_likelihood, candidates, matched_at, lead_score, lead_score_at_match, score_breakdown, attribution_at_tap, attribution_rank_at_tap,
    attribution_source, click_id, click_id_kind, click_at, consent, confirmed_at, confirmed_by, sale_amount, currency, note, is_bot,
    is_internal, version, received_at, lead_id
from calls
where site_id = :site_id and at < :to_ms and at >= :after_at and (at > :after_at or id > :after_key)
order by at, id limit :limit;

-- export_verdicts --
-- What was said of the intents and calls of a span of time, also when it was said later. `cross join`: the calls, then their verdicts.
select c.at as call_at, v.id, v.call_id, v.at, v.by, v.from_status, v.to_status, v.amount, v.currency, v.note
from calls as c cross join verdicts as v on v.call_id = c.id
where c.site_id = :site_id and c.at < :to_ms and c.at >= :after_at and (c.at > :after_at or v.id > :after_key)
order by c.at, v.id limit :limit;
