-- find_mark --
-- Was something with this mark erased?
select 1 from erased_marks where mark = ? limit 1;

-- list_every_site --
-- Every site there ever was: how its days go, and what it keeps.
select id, name, timezone, default_region, settings from sites order by id;

-- scan_contacts --
-- By what the intents and calls of all sites may be known, a page at a time.
select id, site_id, phone_hash, matched_session_id, matched_fingerprint, match_how, provider, provider_call_id, source, intent_stamp
from calls where id > ? order by id limit ?;

-- scan_touches --
-- By what touches may be known, a page at a time.
select site_id, fingerprint, kind, click_id, session_id from touches
where (site_id, fingerprint, kind, click_id) > (?, ?, ?, ?) order by site_id, fingerprint, kind, click_id limit ?;

-- scan_signals --
-- By what signals may be known, a page at a time. Most payloads say no more than the decision does, and are not read.
select seq, site_id, decision, case when instr(payload, '"fp_prev"') or instr(payload, '"fingerprint"') then payload end
from signals where seq > ? and decision is not null order by seq limit ?;

-- scan_quarantine --
-- What waits in quarantine.
select seq, site_id, event_id, payload from signals indexed by signals_quarantined where decision is null order by seq;

-- scan_records --
-- The visits that lines of the audit log name (a pick does), a page at a time.
select id, site_id, case when instr(details, '"session"') then details ->> '$.session' end from audit_log where id > ? order by id limit ?;

-- scan_sessions --
-- By what the sessions of a month file may be known, a page at a time.
select no, site_id, id, fingerprint, fingerprint_strength, created_at, last_event_at from sessions where no > ? order by no limit ?;

-- read_erased_session --
-- A session of a month file before it goes: its number, its time, whether it counts, and how many events go with it.
select no, created_at, is_bot = 0 and is_internal = 0, (select count(*) from events where session_no = no)
from sessions where site_id = ? and id = ?;

-- erase_events --
-- The events of a session.
delete from events where session_no = ?;

-- erase_session --
-- A session, after its events.
delete from sessions where no = ?;

-- list_erasing_session --
-- Contacts of a session.
insert or ignore into erasing (call_id) select id from calls where matched_session_id = ? and +site_id = ?;

-- list_erasing_fingerprint --
-- Contacts of a visitor.
insert or ignore into erasing (call_id) select id from calls where site_id = ? and matched_fingerprint = ?;

-- list_erasing_number --
-- Contacts of a phone number.
insert or ignore into erasing (call_id) select id from calls where site_id = ? and phone_hash = ?;

-- list_erasing_contact --
-- One contact.
insert or ignore into erasing (call_id) select id from calls where id = ?;

-- name_leads_anew --
-- A lead whose first contact goes, and others stay: it is named after the first of these.
update erasing set moved_to = (
    select id from calls where lead_id = erasing.call_id and id not in (select call_id from erasing) order by at, id limit 1
);

-- move_contacts --
-- The contacts that stay.
update calls set lead_id = (select moved_to from erasing where call_id = calls.lead_id)
where lead_id in (select call_id from erasing where moved_to is not null) and id not in (select call_id from erasing);

-- move_leads --
-- The work on such a lead goes on.
insert into leads (id, site_id, version, claimed_by, claimed_since, claimed_until)
select e.moved_to, l.site_id, l.version, l.claimed_by, l.claimed_since, l.claimed_until
from erasing e cross join leads l on l.id = e.call_id where e.moved_to is not null;

-- move_attempts --
-- What was tried on contacts that stay.
update attempts set lead_id = (select moved_to from erasing where call_id = attempts.lead_id)
where lead_id in (select call_id from erasing where moved_to is not null) and call_id not in (select call_id from erasing);

-- move_notes --
-- What was noted on contacts that stay.
update notes set lead_id = (select moved_to from erasing where call_id = notes.lead_id)
where lead_id in (select call_id from erasing where moved_to is not null) and call_id not in (select call_id from erasing);

-- move_reminders --
-- A reminder is of the lead.
update reminders set lead_id = (select moved_to from erasing where call_id = reminders.lead_id)
where lead_id in (select call_id from erasing where moved_to is not null);

-- read_erasing --
-- The contacts that go: how they count, what they came with, and whether their lead goes with them. `cross join`, here and elsewhere: those
-- few first, not every contact there is.
select c.id, c.site_id, c.at, c.source, c.status, c.is_bot = 0 and c.is_internal = 0, c.provider, c.provider_call_id, c.intent_stamp,
    c.click_id, e.moved_to is null
from erasing e cross join calls c on c.id = e.call_id order by c.id;

-- read_erasing_messages --
-- The messages that told of them.
select m.site_id, m.message_id from erasing e cross join call_messages m on m.call_id = e.call_id;

-- erase_verdicts --
-- What was said of them.
delete from verdicts where call_id in (select call_id from erasing);

-- erase_attempts --
-- What was tried.
delete from attempts where call_id in (select call_id from erasing);

-- erase_notes --
-- What was noted.
delete from notes where call_id in (select call_id from erasing);

-- erase_reminders --
-- When to look at them again.
delete from reminders where lead_id in (select call_id from erasing);

-- erase_leads --
-- Who had claimed them.
delete from leads where id in (select call_id from erasing);

-- erase_call_messages --
-- Which messages told of them.
delete from call_messages where call_id in (select call_id from erasing);

-- keep_last_call --
-- Numbers of contacts are given once.
update ledger_identity set last_call_id = max(last_call_id, (select coalesce(max(id), 0) from calls));

-- erase_calls --
-- The contacts themselves, when nothing points at them any more.
delete from calls where id in (select call_id from erasing);

-- end_erasing --
-- From now on nothing may be deleted.
delete from erasing;

-- erase_feed_of_contacts --
-- What screens were told of them.
delete from feed where topic in ('intent', 'call', 'verdict') and cast(ref as integer) in (select call_id from erasing);

-- erase_feed_of_work --
-- What was done about them; and of a lead that goes as a whole, that a reminder rang.
delete from feed where topic = 'work' and (
    body ->> '$.call' in (select call_id from erasing)
    or body ->> '$.call' is null and cast(ref as integer) in (select call_id from erasing where moved_to is null)
);

-- list_calls_told --
-- What screens were told of calls: of some, which visits they may have come from.
select seq, site_id, body from feed where topic = 'call';

-- change_call_told --
-- Without a visit that goes.
update feed set body = ? where seq = ?;

-- list_candidates --
-- Calls near a visit that may have come from several.
select id, site_id, candidates from calls
where site_id = ? and source = 'call' and at >= ? and at <= ? and candidates is not null and id not in (select call_id from erasing);

-- change_candidates --
-- Without a visit that goes.
update calls set candidates = ? where id = ?;

-- erase_record --
-- Who did it, when and to which row stays on record.
update audit_log set details = '{}' where id = ?;

-- erase_signal --
-- A signal and what was decided of it. Its id stays known: sent again it is a repeat.
delete from signals where seq = ?;

-- erase_touches_of_visitor --
-- The ad clicks of a fingerprint.
delete from touches where site_id = ? and fingerprint = ? returning click_id;

-- erase_touches_of_session --
-- The ad clicks of one session of a fingerprint that others may have too.
delete from touches where site_id = ? and fingerprint = ? and session_id = ? returning click_id;

-- list_answers --
-- Answers to an Idempotency-Key.
select user_id, key, answer from idempotency_keys;

-- erase_answer --
-- One that tells of a contact that goes.
delete from idempotency_keys where user_id = ? and key = ?;

-- list_deliveries --
-- What is to be sent, or was.
select id, kind, dedupe_key, payload from outbox;

-- erase_delivery --
-- One that tells of the visitor.
delete from outbox where id = ?;

-- add_erased_count --
-- What a day's numbers lost.
insert into erased_counts (site_id, day, at, what, cause, count) values (?, ?, ?, ?, ?, ?);

-- add_erasure --
-- Somebody is to be erased.
insert into erasures (id, site_id, state, repeated, receipt) values (?, ?, ?, ?, ?) returning no;

-- add_mark --
-- By what the visitor is known.
insert into erased_marks (mark, erasure) values (?, ?) on conflict do nothing;

-- list_marks --
-- The marks of an erasure.
select mark from erased_marks where erasure = ?;

-- list_open_erasures --
-- What is not done yet, oldest first.
select no, site_id, repeated, receipt from erasures where state <> 'done' order by no;

-- list_erasure_ids --
-- Every erasure this ledger knows of.
select id from erasures;

-- find_erasure --
-- One of them.
select no, site_id, repeated, receipt from erasures where id = ?;

-- list_erasures --
-- All of them, newest first.
select no, site_id, repeated, receipt from erasures order by no desc;

-- repeat_erasure --
-- Once more: files from before it came back.
update erasures set state = 'finding', repeated = 1, receipt = ? where no = ?;

-- save_erasure --
-- How far it is.
update erasures set state = ?, receipt = ? where no = ?;

-- read_hash --
-- The SHA-256 of a closed month's file, until it was changed.
select sha256 from partitions where month = ?;
