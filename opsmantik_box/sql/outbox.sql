-- put_delivery --
-- Something is to be told outside; whatever was put under this key before stays.
insert into outbox (lane, kind, dedupe_key, payload, deadline, created_at) values (?, ?, ?, ?, ?, ?) on conflict (dedupe_key) do nothing;

-- find_key --
-- Whether there is a delivery under this key.
select 1 from outbox where dedupe_key = ?;

-- list_due --
-- What may go in a lane now: in order of its turn.
select id, kind, dedupe_key, payload, attempts, deadline, created_at from outbox
where lane = ? and state = 'waiting' and not_before <= ? order by not_before, id limit ?;

-- list_waiting_lanes --
-- Lanes in which something waits.
select distinct lane from outbox where state = 'waiting' and not_before <= ?;

-- mark_delivery --
-- What became of a delivery. One that is over keeps its key, and not what it carried.
update outbox set state = :state, attempts = :attempts, not_before = :not_before, last_error = :error,
    delivered_at = case when :state = 'delivered' then :now end,
    payload = case when :state in ('delivered', 'expired') then x'' else payload end
where id = :id;

-- expire_deliveries --
-- What is too late to be of use: given up, quietly or not.
update outbox set state = case when kind in (select value from json_each(:fading)) then 'expired' else 'dead' end,
    payload = case when kind in (select value from json_each(:fading)) then x'' else payload end, last_error = 'too late'
where state = 'waiting' and deadline < :now;

-- retry_delivery --
-- Once more, from the beginning.
update outbox set state = 'waiting', not_before = 0, attempts = 0, deadline = ? where id = ? and state = 'dead' returning id;

-- retry_dead --
-- All of a lane (or, with null, of every lane).
update outbox set state = 'waiting', not_before = 0, attempts = 0, deadline = ?1
where state = 'dead' and (?2 is null or lane = ?2) returning id;

-- count_deliveries --
-- How many wait, how many were given up, and how many got through lately, by lane.
select lane, sum(state = 'waiting'), sum(state = 'dead'), sum(state = 'dead' and created_at >= ?1),
    sum(state = 'delivered' and delivered_at >= ?1)
from outbox group by lane;

-- list_deliveries --
-- Newest first; never what they carry.
select id, lane, kind, dedupe_key, state, attempts, not_before, deadline, last_error, created_at, delivered_at from outbox
where (?1 is null or lane = ?1) and (?2 is null or state = ?2) and id < ?3 order by id desc limit ?4;

-- list_lanes --
-- How each lane is.
select lane, paused_until, failures, failing_since, last_error, last_delivered_at, moved_to from lanes;

-- save_lane --
-- How a lane is now.
insert into lanes (lane, paused_until, failures, failing_since, last_error, last_delivered_at, moved_to)
values (:lane, :paused_until, :failures, :failing_since, :last_error, :last_delivered_at, :moved_to)
on conflict (lane) do update set paused_until = :paused_until, failures = :failures, failing_since = :failing_since,
    last_error = :last_error, last_delivered_at = :last_delivered_at, moved_to = :moved_to;

-- read_feed_rows --
-- The feed behind a row, in order: what may have to be told outside.
select seq, at, topic, site_id, ref, version, body from feed where seq > ? order by seq limit ?;

-- add_webhook --
-- Where leads and alerts are told from now on.
insert into webhooks (site_id, url, events, personal, created_at) values (?, ?, ?, ?, ?) returning id;

-- list_webhooks --
-- Every webhook that was not removed.
select id, site_id, url, events, personal, created_at from webhooks where removed_at is null order by id;

-- remove_webhook --
-- Nothing is told there any more.
update webhooks set removed_at = ? where id = ? and removed_at is null returning id;

-- drop_waiting --
-- What still waits for a lane that is gone.
update outbox set state = 'expired', payload = x'', last_error = 'the webhook was removed' where lane = ? and state in ('waiting', 'dead');

-- read_sent --
-- Up to which row the feed was looked through.
select feed_seq from sending;

-- save_sent --
-- Every row of the feed up to this one was looked at.
insert into sending (one, feed_seq) values (1, ?) on conflict (one) do update set feed_seq = excluded.feed_seq;
