-- read_identity --
-- Which ledger this is; a restore starts a new epoch.
select ledger_id, epoch from ledger_identity;

-- write_identity --
-- Once, when the ledger is made.
insert into ledger_identity (one, ledger_id, epoch, created_at) values (1, :ledger_id, 1, :at);

-- begin_epoch --
-- A restored ledger numbers anew what its backup did not hold.
update ledger_identity set epoch = epoch + 1 returning epoch;

-- read_last_seq --
-- The newest sequence number ever given, also after trimming.
select coalesce((select seq from sqlite_sequence where name = 'signals'), 0);

-- make_processed --
-- The table that knows the ids received in one month (UTC); dropped whole when it is older than 35 days.
create table if not exists processed_signals_{month} (
    site_id integer not null,
    event_id blob not null,
    received_at integer not null,
    seq integer not null,
    status text not null default 'processed' check (status in ('processed', 'quarantined')),
    payload_hash blob not null,
    conflict_hash blob,
    error text,
    primary key (site_id, event_id)
) strict, without rowid;

-- list_processed --
-- Every month of receipt that is still known.
select substr(name, 19) from sqlite_schema where type = 'table' and name glob 'processed_signals_[0-9]*' order by name;

-- drop_processed --
-- Forget the ids of a month that is old enough.
drop table processed_signals_{month};

-- claim_id --
-- The id is new: exactly one signal gets it. No change means that it was there already.
insert into processed_signals_{month} (site_id, event_id, received_at, seq, status, payload_hash, error)
values (?, ?, ?, ?, 'processed', ?, null) on conflict do nothing;

-- find_id --
-- What was stored under this id in that month of receipt.
select payload_hash from processed_signals_{month} where site_id = ? and event_id = ?;

-- note_conflict --
-- The same id came with another payload: the first one stays, the other's hash is kept beside it.
update processed_signals_{month} set conflict_hash = ? where site_id = ? and event_id = ? and conflict_hash is not ?;

-- quarantine_id --
-- The signal could not be decided or stored.
update processed_signals_{month} set status = 'quarantined', error = ? where site_id = ? and event_id = ?;

-- release_id --
-- A quarantined signal was decided after all.
update processed_signals_{month} set status = 'processed', error = null where site_id = ? and event_id = ?;

-- forget_error --
-- What went wrong with a quarantined signal may quote it.
update processed_signals_{month} set error = null where site_id = ? and event_id = ?;

-- append_signal --
-- One accepted signal and what was decided about it (null: quarantined). The caller's transaction makes it durable.
insert into signals (seq, site_id, event_id, received_at, payload, decision) values (?, ?, ?, ?, ?, ?);

-- forget_signal --
-- A signal leaves quarantine: its row is replaced by one at the end of the sequence.
delete from signals where seq = ? and decision is null;

-- list_quarantined --
-- Signals in quarantine, oldest first.
select seq, site_id, payload from signals where decision is null order by seq limit 1000;

-- read_signals --
-- What a month file is folded from, in sequence order.
select seq, event_id, received_at, payload, decision from signals
where seq > ? and decision is not null order by seq limit ?;

-- reach_month --
-- What a month must reach; made with its first signal.
insert into partitions (month, sessions_name, events_name, file, last_seq, made_at) values (?, ?, ?, ?, ?, ?)
on conflict (month) do update set last_seq = excluded.last_seq;

-- prepare_month --
-- A month made ahead of its first signal.
insert into partitions (month, sessions_name, events_name, file, last_seq, made_at) values (?, ?, ?, ?, 0, ?) on conflict do nothing;

-- list_partitions --
-- Every month, oldest first.
select month, file, state, last_seq, sha256, made_at from partitions order by month;

-- close_partition --
-- The month takes no more signals. Its file is not sealed yet: it has no hash.
update partitions set state = 'closed', closed_at = :at, rows = null, sha256 = null where month = :month;

-- seal_partition --
-- The file of a closed month will not change any more; this is what it holds.
update partitions set rows = :rows, sha256 = :sha256 where month = :month;

-- unseal_partition --
-- The file of a closed month changes after all.
update partitions set rows = null, sha256 = null where month = :month;

-- reopen_partition --
-- The file of a closed month was lost: it is folded again, and closed again.
update partitions set state = 'open', closed_at = null, rows = null, sha256 = null where month = :month;

-- has_returned --
-- Did this visitor touch an ad before, in another session? A weak fingerprint counts only from the same address prefix.
select 1 from touches
where site_id = ? and fingerprint = ? and at < ? and at >= ? and session_id <> ? and (strength = 'strong' or address_prefix = ?)
limit 1;

-- add_touch --
-- An ad interaction whose click id stood in the URL: at its earliest event; a time known at last replaces an unknown one.
insert into touches (site_id, fingerprint, kind, click_id, at, session_id, address_prefix, strength, time_unknown)
values (?, ?, ?, ?, ?, ?, ?, ?, 0)
on conflict (site_id, fingerprint, kind, click_id) do update set at = excluded.at, session_id = excluded.session_id, time_unknown = 0
where touches.time_unknown = 1 or excluded.at < touches.at;

-- add_untimed_touch --
-- A click id that only `meta` carried: no new touch where one is known (old trackers repeat it for ever).
insert into touches (site_id, fingerprint, kind, click_id, at, session_id, address_prefix, strength, time_unknown)
values (?, ?, ?, ?, ?, ?, ?, ?, 1) on conflict do nothing;

-- find_touch --
-- When a click happened; null when that is not known.
select case when time_unknown = 0 then at end from touches where site_id = ? and fingerprint = ? and kind = ? and click_id = ?;

-- find_stamp --
-- Whose tap a stamp belongs to; '' for a form that its site's server told before the tracker did.
select coalesce(matched_session_id, '') from calls where site_id = ? and intent_stamp = ?;

-- find_near_tap --
-- An intent of the same session, action and target around this time. (`+`: the session's few rows, not the site's many.)
select 1 from calls
where matched_session_id = ? and +site_id = ? and intent_action = ? and intent_target = ? and at between ? and ? limit 1;

-- add_intent --
-- A tap (or a sent form) as an intent, with what was known at that moment.
insert into calls (id, site_id, at, received_at, matched_session_id, matched_session_month, matched_fingerprint, matched_at, lead_score,
    lead_score_at_match, score_breakdown, attribution_at_tap, attribution_rank_at_tap, attribution_source, is_bot, is_internal, status, source,
    intent_stamp, intent_action, intent_target, intent_page_url, position, click_id, click_id_kind, click_at, consent, device, place,
    created_at)
values ((select next_call_id from numbering), :site_id, :at, :received_at, :session_id, :month, :fingerprint, :received_at, :score,
    :score, :breakdown, :attribution, :rank, :attribution, :is_bot, :is_internal, 'intent', :source,
    :stamp, :action, :target, :page, :position, :click_id, :click_kind, :click_at, :consent, :device, :place,
    :received_at)
returning id;

-- follow_session --
-- The intents and calls of a session show what is known of it now; attribution_at_tap and lead_score_at_match stay.
update calls set attribution_source = ?, lead_score = ?, is_bot = ?, is_internal = ? where matched_session_id = ? and +site_id = ?;

-- add_feed --
-- One row of the feed: what the stream resumes from.
insert into feed (at, topic, site_id, ref, version, body) values (?, ?, ?, ?, ?, ?) returning seq;

-- read_feed_seq --
-- The newest number ever given to a row of the feed, also after trimming.
select coalesce((select seq from sqlite_sequence where name = 'feed'), 0);

-- read_feed_start --
-- The first row of the feed that is kept.
select coalesce(min(seq), :next) from feed;

-- find_feed_start --
-- The first of the oldest rows that is not older than that; none of them: the one after them.
select coalesce(min(case when at >= :at then seq end), max(seq) + 1)
from (select seq, at from feed where seq >= :oldest order by seq limit :most);

-- trim_feed --
-- What is older goes for good; its numbers are never given again.
delete from feed where seq < ?;

-- count_refusal --
-- Something was turned away: by day, site (0: none known) and reason.
insert into refusals (day, site_id, reason, count) values (?, ?, ?, ?)
on conflict (day, site_id, reason) do update set count = count + excluded.count;

-- list_refusals --
-- What was turned away on a day.
select reason, sum(count) from refusals where day = ? group by reason order by reason;

-- audit --
-- Who did what.
insert into audit_log (at, actor, action, site_id, ref, details) values (?, ?, ?, ?, ?, ?);

-- list_trimmed_months --
-- Months that cannot be folded again.
select distinct month from trimmed;
