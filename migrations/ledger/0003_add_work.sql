-- Work on a lead: who has claimed it, what was tried, when to try again. The row of a lead is made with its first piece of work.
alter table calls add column lead_id integer references calls (id);
update calls set lead_id = id;
create index calls_by_visitor on calls (site_id, matched_fingerprint, at) where matched_fingerprint is not null;
create index calls_by_number on calls (site_id, phone_hash, at) where phone_hash is not null;

create table leads (
    id integer not null primary key references calls (id),
    site_id integer not null references sites (id),
    version integer not null default 0,
    claimed_by integer references users (id) on delete set null,
    claimed_since integer,
    claimed_until integer,
    check ((claimed_since is null) = (claimed_until is null))
) strict;

create table attempts (
    id integer not null primary key,
    site_id integer not null references sites (id),
    lead_id integer not null references calls (id),
    call_id integer not null references calls (id),
    at integer not null,
    by integer references users (id) on delete set null,
    outcome text not null,
    again_at integer
) strict;
create index attempts_by_lead on attempts (lead_id);
create trigger attempts_are_never_deleted before delete on attempts
begin select raise(abort, 'attempts are append-only'); end;
create trigger attempts_are_never_changed before update on attempts
when old.id is not new.id or old.site_id is not new.site_id or old.lead_id is not new.lead_id or old.call_id is not new.call_id
    or old.at is not new.at or old.outcome is not new.outcome or old.again_at is not new.again_at or new.by is not null
begin select raise(abort, 'attempts are append-only'); end;

create table notes (
    id integer not null primary key,
    site_id integer not null references sites (id),
    lead_id integer not null references calls (id),
    call_id integer not null references calls (id),
    at integer not null,
    by integer references users (id) on delete set null,
    note text not null
) strict;
create index notes_by_lead on notes (lead_id);
create trigger notes_are_never_deleted before delete on notes
begin select raise(abort, 'notes are append-only'); end;
create trigger notes_are_never_changed before update on notes
when old.id is not new.id or old.site_id is not new.site_id or old.lead_id is not new.lead_id or old.call_id is not new.call_id
    or old.at is not new.at or old.note is not new.note or new.by is not null
begin select raise(abort, 'notes are append-only'); end;

-- A lead has one open reminder at most.
create table reminders (
    id integer not null primary key,
    site_id integer not null references sites (id),
    lead_id integer not null references calls (id),
    at integer not null,
    by integer references users (id) on delete set null,
    due_at integer not null,
    rang_at integer,
    closed_at integer
) strict;
create unique index reminders_open on reminders (lead_id) where closed_at is null;
create index reminders_due on reminders (due_at) where closed_at is null and rang_at is null;

-- What was answered to a command that came with an Idempotency-Key; user 0: the command line.
create table idempotency_keys (
    user_id integer not null,
    key text not null,
    at integer not null,
    asked blob not null,
    answer blob not null,
    primary key (user_id, key)
) strict, without rowid;
create index idempotency_keys_by_time on idempotency_keys (at);

-- A verdict on a call can be taken back to "nobody judged it", which has no word; and nothing of a line may change.
create table verdicts_again (
    id integer not null primary key,
    site_id integer not null,
    call_id integer not null references calls (id),
    at integer not null,
    by integer references users (id) on delete set null,
    from_status text,
    to_status text,
    amount integer,
    currency text,
    note text not null default ''
) strict;
insert into verdicts_again (id, site_id, call_id, at, by, from_status, to_status, amount, currency, note)
select id, site_id, call_id, at, by, from_status, to_status, amount, currency, note from verdicts;
drop trigger verdicts_are_never_deleted;
drop trigger verdicts_are_never_changed;
drop table verdicts;
alter table verdicts_again rename to verdicts;
create index verdicts_by_call on verdicts (call_id, at);
create trigger verdicts_are_never_deleted before delete on verdicts
begin select raise(abort, 'verdicts are append-only'); end;
create trigger verdicts_are_never_changed before update on verdicts
when old.id is not new.id or old.site_id is not new.site_id or old.call_id is not new.call_id or old.at is not new.at
    or old.from_status is not new.from_status or old.to_status is not new.to_status or old.amount is not new.amount
    or old.currency is not new.currency or old.note is not new.note or new.by is not null
begin select raise(abort, 'verdicts are append-only'); end;

-- A token that is being replaced opens until then.
alter table api_tokens add column expires_at integer;
create index audit_log_by_time on audit_log (at);
