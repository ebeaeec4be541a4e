-- Erasing a visitor. What stays of it is the receipt, and keyed hashes (their key is the vault's): by them a restored backup's rows, and what
-- is told once more of an erased call, are known again. Nothing here says who it was.
create table erasures (
    no integer not null primary key autoincrement,
    id text not null unique,
    site_id integer,
    state text not null check (state in ('finding', 'erasing', 'done')),
    repeated integer not null default 0,
    receipt text not null
) strict;
create index erasures_open on erasures (no) where state <> 'done';

create table erased_marks (
    mark blob not null,
    erasure integer not null references erasures (no),
    primary key (mark, erasure)
) strict, without rowid;
create index erased_marks_by_erasure on erased_marks (erasure);

-- What a day's numbers lost, and why: counts of people, nobody in particular.
create table erased_counts (
    id integer not null primary key,
    site_id integer not null,
    day text not null,
    at integer not null,
    what text not null check (what in ('sessions', 'intents', 'forms', 'calls', 'sealed')),
    cause text not null check (cause in ('erased', 'retention')),
    count integer not null
) strict;
create index erased_counts_by_day on erased_counts (site_id, day);

-- The contacts that this transaction deletes; empty between two transactions. Their trail, attempts and notes go with them, and nothing else
-- of these may go. `moved_to`: the contact that the rest of a lead is named after from now on, when its first one goes.
create table erasing (
    call_id integer not null primary key,
    moved_to integer
) strict;

drop trigger verdicts_are_never_deleted;
create trigger verdicts_are_never_deleted before delete on verdicts
when not exists (select 1 from erasing where call_id = old.call_id)
begin select raise(abort, 'verdicts are append-only'); end;

drop trigger attempts_are_never_deleted;
create trigger attempts_are_never_deleted before delete on attempts
when not exists (select 1 from erasing where call_id = old.call_id)
begin select raise(abort, 'attempts are append-only'); end;
drop trigger attempts_are_never_changed;
create trigger attempts_are_never_changed before update on attempts
when old.id is not new.id or old.site_id is not new.site_id or old.call_id is not new.call_id
    or old.at is not new.at or old.outcome is not new.outcome or old.again_at is not new.again_at
    or (new.by is not old.by and new.by is not null)
    or (old.lead_id is not new.lead_id
        and not exists (select 1 from erasing where call_id = old.lead_id and moved_to = new.lead_id))
begin select raise(abort, 'attempts are append-only'); end;

drop trigger notes_are_never_deleted;
create trigger notes_are_never_deleted before delete on notes
when not exists (select 1 from erasing where call_id = old.call_id)
begin select raise(abort, 'notes are append-only'); end;
drop trigger notes_are_never_changed;
create trigger notes_are_never_changed before update on notes
when old.id is not new.id or old.site_id is not new.site_id or old.call_id is not new.call_id
    or old.at is not new.at or old.note is not new.note
    or (new.by is not old.by and new.by is not null)
    or (old.lead_id is not new.lead_id
        and not exists (select 1 from erasing where call_id = old.lead_id and moved_to = new.lead_id))
begin select raise(abort, 'notes are append-only'); end;

-- The number of a contact that was deleted is never given to another.
alter table ledger_identity add column last_call_id integer not null default 0;
create view numbering as
select max(last_call_id, (select coalesce(max(id), 0) from calls)) + 1 as next_call_id from ledger_identity;

-- Deleting a contact asks who points at it (calls_by_lead and reminders_by_lead: 0007); what waits in quarantine; touches of any time.
create index attempts_by_call on attempts (call_id);
create index notes_by_call on notes (call_id);
create index call_messages_by_call on call_messages (call_id);
create index signals_quarantined on signals (seq) where decision is null;
drop index touches_by_time;
create index touches_by_time on touches (site_id, at, session_id, time_unknown);

-- Screens are told what was erased.
create table feed_again (
    seq integer not null primary key autoincrement,
    at integer not null,
    topic text not null check (topic in ('intent', 'call', 'verdict', 'alert', 'work', 'erased')),
    site_id integer,
    ref text not null,
    version integer not null default 1,
    body text not null
) strict;
insert into feed_again (seq, at, topic, site_id, ref, version, body) select seq, at, topic, site_id, ref, version, body from feed;
delete from sqlite_sequence where name = 'feed_again';
insert into sqlite_sequence (name, seq) select 'feed_again', seq from sqlite_sequence where name = 'feed';
drop table feed;
alter table feed_again rename to feed;
