-- The ledger: everything the Box must never lose. One transaction with user_version, run by the engine.
create table ledger_identity (
    one integer not null primary key check (one = 1),
    ledger_id text not null,
    epoch integer not null default 1,
    created_at integer not null
) strict;

create table users (
    id integer not null primary key,
    email text not null unique,
    name text not null default '',
    created_at integer not null,
    deleted_at integer
) strict;

create table sites (
    id integer not null primary key,
    user_id integer references users (id) on delete set null,
    public_id text not null unique,
    name text not null unique,
    domains text not null default '[]',
    staging_domains text not null default '[]',
    timezone text not null default 'Europe/Istanbul',
    default_region text not null default 'TR',
    currency text not null default 'TRY',
    consent text not null default 'pending',
    google_timezone text,
    targets text not null default '{}',
    internal_addresses text not null default '[]',
    trusted_proxies text not null default '[]',
    settings text not null default '{}',
    created_at integer not null,
    deleted_at integer
) strict;

create table site_members (
    site_id integer not null references sites (id) on delete cascade,
    user_id integer not null references users (id) on delete cascade,
    rights text not null default 'read' check (rights in ('read', 'operate', 'admin')),
    created_at integer not null,
    primary key (site_id, user_id)
) strict, without rowid;

-- A token is a person's (user_id) or a site's own (site_id, rights 'send'); only its keyed hash is kept.
create table api_tokens (
    id integer not null primary key,
    name text not null default '',
    token_hash blob not null unique,
    user_id integer references users (id) on delete cascade,
    site_id integer references sites (id) on delete cascade,
    rights text not null check (rights in ('send', 'read', 'operate', 'admin')),
    created_at integer not null,
    last_used_at integer,
    revoked_at integer,
    check ((user_id is null) <> (site_id is null))
) strict;

create table signals (
    seq integer not null primary key autoincrement,
    site_id integer not null,
    event_id blob not null,
    received_at integer not null,
    payload blob not null,
    decision blob
) strict;

create table calls (
    id integer not null primary key,
    site_id integer not null references sites (id),
    at integer not null,
    received_at integer not null,
    phone_number blob not null default x'',
    phone_hash blob,
    called_number text not null default '',
    direction text not null default '',
    call_state text not null default '',
    answered_at integer,
    ended_at integer,
    duration_sec integer,
    provider text not null default '',
    provider_call_id text,
    matched_session_id text,
    matched_session_month text,
    matched_fingerprint text,
    match_likelihood real,
    candidates text,
    matched_at integer,
    lead_score integer not null default 0,
    lead_score_at_match integer,
    score_breakdown text not null default '{}',
    attribution_at_tap text,
    attribution_rank_at_tap integer,
    attribution_source text,
    is_bot integer not null default 0,
    is_internal integer not null default 0,
    status text default 'intent'
        check (status in ('intent', 'confirmed', 'junk', 'qualified', 'real', 'suspicious')),
    source text not null default 'click' check (source in ('click', 'call', 'form')),
    confirmed_at integer,
    confirmed_by integer references users (id) on delete set null,
    note text not null default '',
    sale_amount integer,
    currency text,
    intent_stamp text,
    intent_action text check (intent_action in ('phone', 'whatsapp', 'form')),
    intent_target text,
    intent_page_url text,
    position text not null default '',
    click_id text,
    click_id_kind text,
    click_at integer,
    consent text not null default '',
    version integer not null default 1,
    created_at integer not null
) strict;

create index calls_by_time on calls (site_id, at);
create index calls_by_source on calls (site_id, source, at desc);
create index calls_by_status on calls (site_id, status, at);
create index calls_by_session on calls (matched_session_id);
create index calls_matched on calls (site_id, matched_at) where matched_at is not null;
create index calls_confirmed on calls (site_id, confirmed_at) where confirmed_at is not null;
create index calls_undecided on calls (site_id, at) where status = 'intent';
create unique index calls_stamp on calls (site_id, intent_stamp) where intent_stamp is not null;
create unique index calls_provider on calls (site_id, provider, provider_call_id) where provider_call_id is not null;

create table verdicts (
    id integer not null primary key,
    site_id integer not null,
    call_id integer not null references calls (id),
    at integer not null,
    by integer references users (id) on delete set null,
    from_status text,
    to_status text not null,
    amount integer,
    currency text,
    note text not null default ''
) strict;
create index verdicts_by_call on verdicts (call_id, at);
create trigger verdicts_are_never_deleted before delete on verdicts
begin select raise(abort, 'verdicts are append-only'); end;
create trigger verdicts_are_never_changed before update on verdicts
when old.at is not new.at or old.call_id is not new.call_id or old.from_status is not new.from_status
    or old.to_status is not new.to_status or old.amount is not new.amount or old.note is not new.note or new.by is not null
begin select raise(abort, 'verdicts are append-only'); end;

create table touches (
    site_id integer not null,
    fingerprint text not null,
    kind text not null,
    click_id text not null,
    at integer not null,
    session_id text not null,
    address_prefix text not null default '',
    strength text not null default 'strong' check (strength in ('strong', 'weak')),
    time_unknown integer not null default 0,
    primary key (site_id, fingerprint, kind, click_id)
) strict, without rowid;
create index touches_by_visitor on touches (site_id, fingerprint, at, session_id, strength, address_prefix);

create table outbox (
    id integer not null primary key,
    lane text not null,
    kind text not null,
    dedupe_key text not null unique,
    payload blob not null,
    state text not null default 'waiting',
    attempts integer not null default 0,
    not_before integer not null default 0,
    deadline integer,
    last_error text not null default '',
    request_id text not null default '',
    created_at integer not null,
    delivered_at integer
) strict;
create index outbox_due on outbox (lane, not_before) where state = 'waiting';

create table feed (
    seq integer not null primary key autoincrement,
    at integer not null,
    topic text not null check (topic in ('intent', 'call', 'verdict', 'alert', 'work')),
    site_id integer,
    ref text not null,
    version integer not null default 1,
    body text not null
) strict;

create table daily_summary (
    site_id integer not null,
    day text not null,
    traffic_source text not null,
    device_type text not null,
    sessions integer not null default 0,
    conversion_events integer not null default 0,
    intents integer not null default 0,
    sealed integer not null default 0,
    total_duration_sec integer not null default 0,
    bounces integer not null default 0,
    bots integer not null default 0,
    internal integer not null default 0,
    primary key (site_id, day, traffic_source, device_type)
) strict, without rowid;

create view mv_daily_analytics_summary as
select site_id, day as date, traffic_source, device_type, sessions as total_sessions,
    conversion_events as total_conversions,
    case when sessions > 0 then total_duration_sec * 1.0 / sessions end as avg_duration,
    case when sessions > 0 then bounces * 1.0 / sessions end as bounce_rate
from daily_summary;

create table ad_clicks (
    id integer not null primary key,
    site_id integer not null,
    day text not null,
    campaign text not null default '',
    clicks integer not null,
    google_conversions real,
    action text not null default '',
    cost integer,
    currency text,
    as_of integer not null,
    source text not null
) strict;
create index ad_clicks_by_day on ad_clicks (site_id, day, as_of);

create table client_counts (
    id integer not null primary key,
    site_id integer not null,
    day text not null,
    whatsapp integer,
    phone integer,
    note text not null default '',
    as_of integer not null
) strict;
create index client_counts_by_day on client_counts (site_id, day, as_of);

create table alerts (
    id integer not null primary key,
    kind text not null,
    site_id integer,
    at integer not null,
    text text not null,
    details text not null default '{}',
    times integer not null default 1,
    last_at integer not null,
    resolved_at integer
) strict;
create index alerts_open on alerts (kind, site_id) where resolved_at is null;

create table audits (
    id integer not null primary key,
    kind text not null,
    at integer not null,
    site_id integer,
    outcome text not null,
    details text not null default '{}'
) strict;

create table jobs (
    name text not null primary key,
    last_started_at integer,
    last_ended_at integer,
    outcome text not null default ''
) strict, without rowid;

create table audit_log (
    id integer not null primary key,
    at integer not null,
    actor text not null,
    action text not null,
    site_id integer,
    ref text not null default '',
    details text not null default '{}'
) strict;

-- Refusals and conflicts, counted by day (UTC), site (0 = none) and reason: nothing is turned away in silence.
create table refusals (
    day text not null,
    site_id integer not null,
    reason text not null,
    count integer not null,
    primary key (day, site_id, reason)
) strict, without rowid;

create table partitions (
    month text not null primary key,
    sessions_name text not null,
    events_name text not null,
    file text not null,
    state text not null default 'open' check (state in ('open', 'closed')),
    last_seq integer not null default 0,
    rows integer,
    sha256 text,
    made_at integer not null,
    closed_at integer
) strict, without rowid;
