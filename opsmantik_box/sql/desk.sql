-- find_contact --
-- An intent or call as a verdict sees it, whose it is, the lead it belongs to, and whom to call back (sealed).
select site_id, coalesce(lead_id, id), phone_number, contact, id, source, status, version, sale_amount, currency, note, confirmed_at, confirmed_by
from calls where id = ?;

-- find_leads --
-- The leads of this visitor near a time, with when they began: by session, by (strong) fingerprint, by number. The newest hundred
-- contacts of each say it: who taps a thousand times must not make every further tap slower.
select id, at from calls where id in (
    select lead_id from (
        select lead_id from calls where matched_session_id = :session and +site_id = :site_id and id <> :id order by id desc limit 100)
    union all select lead_id from (
        select lead_id from calls
        where site_id = :site_id and matched_fingerprint = :fingerprint and at between :from_ms and :to_ms and id <> :id
        order by at desc limit 100)
    union all select lead_id from (
        select lead_id from calls where site_id = :site_id and phone_hash = :phone_hash and at between :from_ms and :to_ms and id <> :id
        order by at desc limit 100));

-- join_lead --
-- The lead an intent or call belongs to, chosen once.
update calls set lead_id = ? where id = ?;

-- change_call --
-- What a verdict changes of its row, if it is the row it was based on.
update calls set status = :status, version = :version, sale_amount = :sale_amount, currency = :currency, note = :note,
    confirmed_at = :confirmed_at, confirmed_by = :confirmed_by
where id = :id and version = :version - 1;

-- add_verdict --
-- A line of the trail.
insert into verdicts (site_id, call_id, at, by, from_status, to_status, amount, currency, note) values (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- read_trail --
-- The last two lines of a row's trail, newest first.
select by, from_status, to_status, amount, currency, note from verdicts where call_id = ? order by id desc limit 2;

-- find_lead --
-- A lead somebody worked on.
select version, claimed_by, claimed_since, claimed_until from leads where id = ?;

-- change_lead --
-- A lead after a piece of work.
insert into leads (id, site_id, version, claimed_by, claimed_since, claimed_until) values (?, ?, ?, ?, ?, ?)
on conflict (id) do update set version = excluded.version, claimed_by = excluded.claimed_by,
    claimed_since = excluded.claimed_since, claimed_until = excluded.claimed_until;

-- add_attempt --
-- One try to reach somebody.
insert into attempts (site_id, lead_id, call_id, at, by, outcome, again_at) values (?, ?, ?, ?, ?, ?, ?);

-- list_outcomes --
-- What came of a lead so far.
select outcome from attempts where lead_id = ? order by id;

-- add_note --
-- Something to remember about a lead.
insert into notes (site_id, lead_id, call_id, at, by, note) values (?, ?, ?, ?, ?, ?);

-- find_reminder --
-- A lead's open reminder.
select by, due_at, rang_at, closed_at from reminders where lead_id = ? and closed_at is null;

-- add_reminder --
-- When to look at a lead again.
insert into reminders (site_id, lead_id, at, by, due_at) values (?, ?, ?, ?, ?);

-- close_reminder --
-- Nobody needs to be reminded any more.
update reminders set closed_at = ? where lead_id = ? and closed_at is null;

-- list_due --
-- Reminders that have not rung yet and are due.
select id, site_id, lead_id, by, due_at from reminders
where closed_at is null and rang_at is null and due_at <= ? order by due_at, id limit 100;

-- ring --
-- It rang: once, also after a restart.
update reminders set rang_at = ? where id = ?;

-- name_of_user --
-- How a person is called.
select case when name <> '' then name else email end from users where id = ?;

-- find_answer --
-- What was answered to this key, and to what question.
select asked, answer from idempotency_keys where user_id = ? and key = ?;

-- keep_answer --
-- The answer stands as long as the key is kept.
insert into idempotency_keys (user_id, key, at, asked, answer) values (?, ?, ?, ?, ?);

-- forget_answers --
-- Keys that are old enough.
delete from idempotency_keys where at < ?;
