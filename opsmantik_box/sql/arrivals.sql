-- add_to_hour --
-- So many more in this hour.
insert into tracker_hours (site_id, hour, kind, name, n) values (?, ?, ?, ?, ?)
on conflict (site_id, hour, kind, name) do update set n = n + excluded.n;

-- raise_hour --
-- The most that was told in this hour.
insert into tracker_hours (site_id, hour, kind, name, n) values (?, ?, ?, ?, ?)
on conflict (site_id, hour, kind, name) do update set n = max(n, excluded.n);

-- read_uncounted --
-- Signals that are stored and not counted yet: a few seconds of them. Those in quarantine are counted when they leave it.
select site_id, received_at, payload from signals
where seq > (select seq from tracker_count) and decision is not null;

-- write_counted --
-- The hours contain everything up to this signal.
update tracker_count set seq = ?;

-- has_old --
-- Is there anything to forget?
select 1 from tracker_hours where hour < ? limit 1;

-- forget_hours --
-- What is too old to be asked for.
delete from tracker_hours where hour < ?;
