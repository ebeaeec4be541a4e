-- Bugün, tek tabloda: reklam (ads) ve tüm trafik (all). Today of one site as the report counts it; bots and internal visits are left out.
--   opsmantik-box sql bugun_dashboard_eslestirme.sql --site antika.example
-- :site is the site's domain or name; :from_ms and :to_ms are its today (the command gives them).
with chosen as (
    select id from sites
    where lower(:site) in (lower(name), public_id, cast(id as text)) or instr(lower(domains), '"' || lower(:site) || '"') > 0
),
scopes (scope, ranks) as (values ('ads', 1), ('all', 2)),
visits as (
    select attribution_rank in (1, 2, 4) as is_ads, attribution_rank, fingerprint
    from sessions
    where site_id in (select id from chosen) and created_at >= :from_ms and created_at < :to_ms and is_bot = 0 and is_internal = 0
),
contacts as (
    select coalesce(attribution_rank_at_tap, 6) in (1, 2, 4) as is_ads, source, coalesce(intent_action, '') as action,
        status in ('confirmed', 'qualified', 'real') and not (
            source = 'call' and coalesce(matched_session_id, '') in (
                select t.matched_session_id from calls as t
                where t.site_id in (select id from chosen) and t.at >= :from_ms - 1800000 and t.at < :to_ms and t.source = 'click'
                    and t.intent_action = 'phone' and t.matched_session_id is not null
                    and t.status in ('confirmed', 'qualified', 'real')
            )
        ) as is_sealed
    from calls
    where site_id in (select id from chosen) and at >= :from_ms and at < :to_ms and is_bot = 0 and is_internal = 0
)
select scope,
    (select count(*) from visits where is_ads >= 2 - ranks) as sessions,
    (select count(*) from visits where attribution_rank in (1, 2)) as with_click,
    (select count(*) from visits where attribution_rank = 4) as assisted,
    (select count(distinct fingerprint) from visits where is_ads >= 2 - ranks) as visitors,
    (select count(*) from contacts where is_ads >= 2 - ranks and source = 'click' and action in ('phone', 'whatsapp')) as intents,
    (select count(*) from contacts where is_ads >= 2 - ranks and source = 'click' and action = 'phone') as phone,
    (select count(*) from contacts where is_ads >= 2 - ranks and source = 'click' and action = 'whatsapp') as whatsapp,
    (select count(*) from contacts where is_ads >= 2 - ranks and source = 'form') as form,
    (select count(*) from contacts where is_ads >= 2 - ranks and source = 'call') as calls,
    (select count(*) from contacts where is_ads >= 2 - ranks and is_sealed = 1) as sealed
from scopes order by ranks;
