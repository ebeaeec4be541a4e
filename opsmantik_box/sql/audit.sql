-- count_events --
-- A site's events of a time: all, those without a session, those from before it began.
select count(*), coalesce(sum(s.no is null), 0), coalesce(sum(e.created_at < s.created_at), 0)
from events as e left join sessions as s on s.no = e.session_no
where e.site_id = :site_id and e.created_at >= :start and e.created_at < :end;

-- orphaned_events --
-- Some of those without a session.
select hex(e.event_id) from events as e left join sessions as s on s.no = e.session_no
where e.site_id = :site_id and e.created_at >= :start and e.created_at < :end and s.no is null limit :most;

-- events_before_session --
-- Some of those from before it began.
select hex(e.event_id) from events as e join sessions as s on s.no = e.session_no
where e.site_id = :site_id and e.created_at >= :start and e.created_at < :end and e.created_at < s.created_at limit :most;

-- count_sessions --
-- A site's sessions of a time by what their score is made of, and how many of Google Ads have no click id.
select fired, weights_version, lead_score, count(*),
    count(*) filter (where utm_source = 'google' and utm_medium in ('cpc', 'ppc', 'paid') and coalesce(gclid, wbraid, gbraid) is null)
from sessions where site_id = :site_id and created_at >= :start and created_at < :end group by 1, 2, 3;

-- google_without_click --
-- Some of those.
select id from sessions
where site_id = :site_id and created_at >= :start and created_at < :end and utm_source = 'google' and utm_medium in ('cpc', 'ppc', 'paid')
    and coalesce(gclid, wbraid, gbraid) is null limit :most;

-- score_mismatch --
-- Some sessions of this score.
select id from sessions
where site_id = :site_id and created_at >= :start and created_at < :end and fired = :fired and lead_score = :lead_score limit :most;

-- list_matches --
-- The sessions that a site's calls and intents of a time are matched with.
select id, matched_session_id, matched_session_month from calls
where site_id = :site_id and at >= :start and at < :end and matched_session_id is not null;

-- find_session --
-- Whether it is there.
select 1 from sessions where site_id = ? and id = ?;

-- count_intents --
-- A site's intents of a time.
select count(*) from calls where site_id = :site_id and at >= :start and at < :end and source = 'click';

-- duplicate_intents --
-- Taps of one session on the same target within a second: the later ones.
select distinct b.id from calls as a join calls as b on b.site_id = a.site_id and b.matched_session_id = a.matched_session_id
    and b.intent_action = a.intent_action and b.intent_target = a.intent_target and b.source = 'click'
    and b.at between a.at and a.at + 999 and b.id > a.id
where a.site_id = :site_id and a.at >= :start and a.at < :end and a.source = 'click';

-- read_checkpoint --
-- How far a month file is.
select seq from checkpoint;

-- read_last_seq --
-- The newest number the ledger ever gave.
select coalesce((select seq from sqlite_sequence where name = 'signals'), 0);

-- list_months --
-- Month files, oldest first; the sum of those that do not change any more.
select month, file, case when state = 'closed' then sha256 end from partitions order by month;

-- list_sites --
-- Every site that is not deleted.
select id from sites where deleted_at is null order by id;
