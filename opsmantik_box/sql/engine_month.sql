-- read_checkpoint --
-- What this file has applied, and of which ledger.
select ledger_id, epoch, seq from checkpoint;

-- write_checkpoint --
-- In the same transaction as the rows it speaks of.
insert into checkpoint (one, ledger_id, epoch, seq, at) values (1, ?, ?, ?, ?)
on conflict (one) do update set ledger_id = excluded.ledger_id, epoch = excluded.epoch, seq = excluded.seq, at = excluded.at;

-- begin_epoch --
-- The file goes on with the ledger that was restored beside it.
update checkpoint set epoch = ?;

-- read_last_no --
-- The newest session's number.
select coalesce(max(no), 0) from sessions;

-- find_known --
-- What the engine must know of a session to decide its next signal.
select created_month, fired, attribution_rank, intents, is_bot, is_internal from sessions where site_id = ? and id = ?;

-- find_session --
-- A session as folded so far: its number, then the columns of save_session.
select no, {columns} from sessions where site_id = ? and id = ?;

-- save_session --
-- A session after a slice.
insert into sessions (no, {columns}) values ({marks}) on conflict (no) do update set {updates};

-- add_event --
-- One event of a session.
insert into events (session_no, created_at, seq, event_id, site_id, url, event_category, event_action, event_label, event_value,
    metadata, received_at)
values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- read_times --
-- The times of a session's events, ascending: what its duration is computed from.
select created_at from events where session_no = ? order by created_at, seq;

-- count_rows --
-- How much a month holds.
select (select count(*) from sessions), (select count(*) from events);

-- last_event --
-- The time of a site's newest event.
select max(created_at) from events where site_id = ?;

-- find_visits --
-- A visitor's newest sessions of one month file. (A thousand: a weak fingerprint may be shared by many.)
select id, created_at, last_event_at, fingerprint_strength from sessions where site_id = ? and fingerprint = ? order by no desc limit 1000;
