-- read_watch --
-- How far the watch has come.
select looked_at, listening_since from watch;

-- save_watch --
-- After a look.
insert into watch (one, looked_at, listening_since) values (1, :now, :listening_since)
on conflict (one) do update set looked_at = :now, listening_since = :listening_since;

-- count_quarantined --
-- Signals in quarantine, by site.
select site_id, count(*) from signals where decision is null group by site_id;

-- list_expiring --
-- Tokens somebody used lately and that will open nothing soon.
select id, name, expires_at from api_tokens
where revoked_at is null and expires_at > ? and expires_at <= ? and last_used_at >= ? order by expires_at;

-- last_backups --
-- When the Box was made; of the newest verified backup of all, when it was; whether a verified one is elsewhere.
select (select created_at from ledger_identity), max(made_at), coalesce(max(is_elsewhere), 0) from backups where verified_at is not null;

-- list_failed_jobs --
-- Jobs that failed so many times in a row.
select name, failures, result from jobs where failures >= ? order by name;
