-- Where exchanges may tell of calls. An address's secret is known by its keyed hash only; keys of signatures lie in the vault.
create table hooks (
    id integer not null primary key,
    site_id integer not null references sites (id) on delete cascade,
    provider text not null,
    mode text not null check (mode in ('secret_url', 'standard', 'twilio', 'telnyx', 'hmac')),
    header text not null default 'x-signature',
    networks text not null default '[]',
    created_at integer not null,
    last_call_at integer,
    removed_at integer
) strict;
create index hooks_by_site on hooks (site_id, mode) where removed_at is null;

-- Two of them while an owner changes them.
create table hook_secrets (
    id integer not null primary key,
    hook_id integer not null references hooks (id) on delete cascade,
    secret_hash blob not null,
    created_at integer not null
) strict;
create index hook_secrets_by_hook on hook_secrets (hook_id);

-- Ids of messages that told of a call (`webhook-id`): a repeated one changes nothing. 35 days, as for signals.
create table call_messages (
    site_id integer not null,
    message_id text not null,
    call_id integer not null references calls (id) on delete cascade,
    at integer not null,
    primary key (site_id, message_id)
) strict, without rowid;
create index call_messages_by_time on call_messages (at);

-- How a call found its visit; what of the other party may be shown unasked; and a form's name and e-mail address, encrypted.
alter table calls add column match_how text not null default '' check (match_how in ('', 'fingerprint', 'number', 'operator'));
alter table calls add column masked_number text not null default '';
alter table calls add column contact blob not null default x'';
