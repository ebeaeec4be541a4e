-- The Box's own keys, by what they are for: `contact` (AES-256-GCM) and `contact_hash`.
create table box_keys (
    purpose text not null primary key,
    key blob not null
) strict, without rowid;

-- What exchanges sign with, and HTTP Basic as 'user:password'. A hook has two of a kind while its owner changes them.
create table hook_keys (
    id integer not null primary key,
    hook_id integer not null,
    kind text not null check (kind in ('signature', 'basic')),
    secret text not null,
    created_at integer not null
) strict;
create index hook_keys_by_hook on hook_keys (hook_id, kind);
