-- sessions --
-- One month's sessions of one's own sites.
select no, site_id, id, created_month, created_at, entry_seq, entry_page, last_event_at, exit_seq, exit_page, ip_address, fingerprint,
    fingerprint_strength, gclid, wbraid, gbraid, click_at, utm_source, utm_medium, utm_campaign, utm_term, utm_content, campaignid,
    adgroupid, keyword, matchtype, network, device, loc_physical_ms, attribution_source, attribution_rank, fired, lead_score,
    weights_version, event_count, page_views, intents, conversion_events, scroll_pct, total_duration_sec, active_sec, device_type,
    browser, referrer_host, city, district, consent, is_bot, bot_reason, is_internal, ai_score, ai_summary, ai_tags, user_journey_path
from {month}.sessions where site_id in (select site_id from temp.scope);

-- events --
-- One month's events, with what lives once on their session. `cross join`: events first, then the session by its row number.
select e.session_no, e.created_at, e.seq, e.event_id, e.site_id, s.created_month as session_month, s.id as session_id, e.url,
    e.event_category, e.event_action, e.event_label, e.event_value, e.metadata, e.received_at, s.browser, s.device_type, s.city,
    s.district, s.lead_score, s.attribution_source, s.attribution_rank in (1, 2, 4) as is_attributed_to_ads,
    s.ip_address as ip_anonymized, s.is_bot, s.is_internal
from {month}.events as e cross join {month}.sessions as s on s.no = e.session_no
where e.site_id in (select site_id from temp.scope);
