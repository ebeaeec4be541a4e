-- Deliveries: in one lane, in order of their turn. A row that is delivered keeps its key, not what it carried.
create index outbox_by_state on outbox (state, created_at);
create table lanes (
    lane text not null primary key,
    paused_until integer not null default 0,
    failures integer not null default 0,
    failing_since integer,
    last_error text not null default '',
    last_delivered_at integer,
    moved_to text not null default ''
) strict, without rowid;

-- Where the Box tells of leads and alerts (Standard Webhooks). The key lies in the vault.
create table webhooks (
    id integer not null primary key,
    site_id integer references sites (id) on delete cascade,
    url text not null,
    events text not null,
    personal integer not null default 0,
    created_at integer not null,
    removed_at integer
) strict;

-- Up to which row the feed was looked through for what is to be told outside.
create table sending (
    one integer not null primary key check (one = 1),
    feed_seq integer not null
) strict;
