-- newest_signal --
-- When the newest signal was received, by the Box's clock at that time. One step from the end of the table.
select received_at from signals order by seq desc limit 1;

-- partitions --
-- What each month must reach.
select month, file, state, last_seq, made_at from partitions order by month;

-- checkpoint --
-- What a month file has.
select seq from checkpoint;

-- verified_backups --
-- The newest backup of each place that was restored for a look.
select place, is_elsewhere, max(made_at) as made_at, bytes from backups where verified_at is not null group by place order by place;

-- failed_jobs --
-- Jobs whose last run failed.
select name, failures, result from jobs where failures > 0 order by name;

-- last_audit --
-- When the last audit was, and what it found.
select run.at, coalesce((select group_concat(distinct kind) from audits where outcome = 'wrong' and at = run.at), '') as wrong
from audits as run where run.kind = 'run' order by run.id desc limit 1;

-- lanes --
-- How deliveries to each destination go.
select lane, failing_since, last_error, last_delivered_at from lanes order by lane;

-- open_alerts --
-- What was found wrong and is not settled yet, newest first.
select kind, text, times, last_at from alerts where resolved_at is null order by last_at desc limit 20;
