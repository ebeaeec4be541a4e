-- read_state --
-- How far daily_summary has come.
select seq, verdict_id, at from summary_state;

-- save_state --
-- How far it is now.
insert into summary_state (one, seq, verdict_id, at) values (1, :seq, :verdict_id, :at)
on conflict (one) do update set seq = :seq, verdict_id = :verdict_id, at = :at;

-- forget_day --
-- A day that is summed up anew.
delete from daily_summary where site_id = ? and day = ?;

-- add_row --
-- A part of a day.
insert into daily_summary (site_id, day, traffic_source, device_type, sessions, conversion_events, intents, sealed, total_duration_sec,
    bounces, bots, internal)
values (:site_id, :day, :traffic_source, :device_type, :sessions, :conversion_events, :intents, :sealed, :total_duration_sec, :bounces,
    :bots, :internal);
