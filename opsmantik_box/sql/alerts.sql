-- add_alert --
-- Something is wrong, and was not before.
insert into alerts (kind, site_id, at, text, details, times, last_at, level, since, covered_by, told_at, tellings, silenced_until, version)
values (:code, :site_id, :opened_at, :text, :details, :times, :last_at, :level, :since, :covered_by, :told_at, :tellings,
    :silenced_until, :version)
returning id;

-- save_alert --
-- What became of it.
update alerts set text = :text, details = :details, times = :times, last_at = :last_at, level = :level, since = :since,
    covered_by = :covered_by, told_at = :told_at, tellings = :tellings, calm_since = :calm_since,
    acknowledged_at = :acknowledged_at, acknowledged_by = :acknowledged_by, silenced_until = :silenced_until,
    resolved_at = :resolved_at, version = :version
where id = :id;

-- list_open --
-- What is wrong now, oldest first.
select kind, site_id, level, text, since, at, last_at, id, times, details, covered_by, told_at, tellings, calm_since, acknowledged_at,
    acknowledged_by, silenced_until, resolved_at, version
from alerts where resolved_at is null order by id;

-- find_alert --
-- One of them.
select kind, site_id, level, text, since, at, last_at, id, times, details, covered_by, told_at, tellings, calm_since, acknowledged_at,
    acknowledged_by, silenced_until, resolved_at, version
from alerts where id = ?;

-- find_open --
-- The one of this kind that is open.
select kind, site_id, level, text, since, at, last_at, id, times, details, covered_by, told_at, tellings, calm_since, acknowledged_at,
    acknowledged_by, silenced_until, resolved_at, version
from alerts where kind = ? and site_id is ? and resolved_at is null;

-- find_silence --
-- Until when the last one of this kind was to be told to nobody.
select silenced_until from alerts where kind = ? and site_id is ? order by id desc limit 1;

-- name_sites --
-- Names, for whoever reads a list of alerts.
select id, name from sites;
