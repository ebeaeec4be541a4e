-- What a relay keeps until main has it. One transaction with user_version, run by the relay.
create table envelopes (
    no integer not null primary key autoincrement,
    at integer not null,
    origin text not null,
    address text not null,
    agent text not null,
    body blob not null,
    state text not null default 'waiting' check (state in ('waiting', 'parked')),
    status integer,
    answer text
) strict;
create index envelopes_by_state on envelopes (state, no);

-- The sites main told of last, as JSON; and how the line to main is.
create table relay_state (
    one integer not null primary key check (one = 1),
    sites text,
    sites_at integer,
    told integer not null default 0,
    told_at integer,
    failed_at integer,
    failure text not null default '',
    skew_ms integer
) strict;
insert into relay_state (one) values (1);
