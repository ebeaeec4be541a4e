-- Secrets. Only the engine opens this file; nothing in it is ever sent over the link.
create table passwords (
    user_id integer not null primary key,
    hash text not null,
    changed_at integer not null
) strict;

create table user_credentials (
    id integer not null primary key,
    user_id integer,
    site_id integer,
    kind text not null,
    key_id text not null,
    nonce blob not null,
    secret blob not null,
    created_at integer not null
) strict;

create table keys (
    id text not null primary key,
    purpose text not null,
    created_at integer not null,
    retired_at integer
) strict, without rowid;

-- The key that api_tokens.token_hash is made with: useless to whoever has only the ledger.
create table token_key (
    one integer not null primary key check (one = 1),
    key blob not null
) strict;
