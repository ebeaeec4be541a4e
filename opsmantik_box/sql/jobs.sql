-- list_jobs --
-- Every job that ever ran.
select name, next_at, last_started_at, last_ended_at, leased_until, outcome, result, details, failures from jobs order by name;

-- start_job --
-- It runs, and is heard of again before the lease is over.
insert into jobs (name, last_started_at, leased_until, outcome, result, details) values (:name, :at, :leased_until, '', '', '{}')
on conflict (name) do update set last_started_at = :at, leased_until = :leased_until, outcome = '', result = '', details = '{}';

-- end_job --
-- What came of it, and when it runs next.
insert into jobs (name, next_at, last_started_at, last_ended_at, outcome, result, details, failures)
values (:name, :next_at, :started_at, :at, :outcome, :result, :details, :failures)
on conflict (name) do update set next_at = :next_at, last_ended_at = :at, leased_until = null, outcome = :outcome, result = :result,
    details = :details, failures = :failures;

-- interrupt_jobs --
-- Who held these leases is dead: only one engine runs on a folder. They are due now.
update jobs set leased_until = null, outcome = 'interrupted', next_at = :at where leased_until is not null;

-- plan_job --
-- A job that has never run, so that a Box that is stopped when it is due knows what it missed.
insert into jobs (name, next_at) values (:name, :next_at) on conflict do nothing;

-- save_backup --
-- A backup as it is known to lie at a place. A verification that failed takes an earlier one back.
insert into backups (place, name, is_elsewhere, made_at, last_seq, bytes, verified_at, problem)
values (:place, :name, :is_elsewhere, :made_at, :last_seq, :bytes, :verified_at, :problem)
on conflict (place, name) do update set verified_at = :verified_at, problem = :problem, bytes = :bytes;

-- save_backed_up_month --
-- A sealed month was read back whole.
insert into backed_up_months (place, month, sha256, object, bytes, verified_at)
values (:place, :month, :sha256, :object, :bytes, :verified_at)
on conflict (place, month, sha256) do update set object = :object, bytes = :bytes, verified_at = :verified_at;

-- list_backups --
-- What lies where, newest first.
select place, name, is_elsewhere, made_at, last_seq, bytes, verified_at, problem from backups order by made_at desc, place;

-- forget_backup --
-- It does not lie there any more.
delete from backups where place = ? and name = ?;

-- list_backed_up_months --
-- Sealed months that were read back since a time.
select place, month, sha256, object, bytes from backed_up_months where verified_at >= ?;
