-- read_watch --
-- How far the watch has come.
select looked_at, listening_since, sent_seq from watch;

-- save_watch --
-- After a look.
insert into watch (one, looked_at, listening_since) values (1, :now, :listening_since)
on conflict (one) do update set looked_at = :now, listening_since = :listening_since;

-- save_sent --
-- Every row of the feed up to this one was looked at for what is to be sent on.
insert into watch (one, looked_at, sent_seq) values (1, 0, :seq) on conflict (one) do update set sent_seq = :seq;

-- count_quarantined --
-- Signals in quarantine, by site.
select site_id, count(*) from signals where decision is null group by site_id;

-- list_expiring --
-- Tokens somebody used lately and that will open nothing soon.
select id, name, expires_at from api_tokens
where revoked_at is null and expires_at > ? and expires_at <= ? and last_used_at >= ? order by expires_at;

-- last_backup --
-- When a backup was last made and verified; when the Box was made, while there is none.
select coalesce(
    (select max(last_ended_at) from jobs where name = 'backup' and outcome = 'ok'), (select created_at from ledger_identity));

-- list_failed_jobs --
-- Jobs whose last run did not end well.
select name, outcome from jobs where outcome not in ('', 'ok') and last_ended_at is not null order by name;

-- list_jobs --
-- Every job and its last run.
select name, last_started_at, last_ended_at, outcome from jobs order by name;
