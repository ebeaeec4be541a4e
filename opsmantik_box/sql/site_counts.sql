-- add_counts --
-- What a site had in an hour, as far as it was counted since the last time.
insert into site_hours (site_id, hour, sessions, clicks, intents) values (?, ?, ?, ?, ?)
on conflict (site_id, hour) do update set sessions = sessions + excluded.sessions, clicks = clicks + excluded.clicks,
    intents = intents + excluded.intents;

-- read_hours --
-- What a site had in some hours; those without anything have no row.
select hour, sessions, clicks, intents from site_hours
where site_id = ? and hour in (select value from json_each(?));

-- count_since --
-- What a site had from an hour on.
select coalesce(sum(sessions), 0), coalesce(sum(clicks), 0), coalesce(sum(intents), 0) from site_hours where site_id = ? and hour >= ?;

-- first_hour --
-- Since when a site is known.
select min(hour) from site_hours where site_id = ?;

-- last_click_hour --
-- When a site last had a click id, to the hour.
select max(hour) from site_hours where site_id = ? and clicks > 0;

-- trim_hours --
-- Older than any pattern looks.
delete from site_hours where site_id = ? and hour < ?;

-- recent_sessions --
-- A site's sessions of the last hours by minute, from a month file: (minute since 1970, sessions, those with a click id).
select created_at / 60000, count(*), sum(coalesce(gclid, wbraid, gbraid) is not null) from sessions
where site_id = ? and created_at >= ? and is_bot = 0 and is_internal = 0 group by 1;
