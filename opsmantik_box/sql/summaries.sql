-- mark_due --
-- Something of a quarter of an hour changed.
insert or ignore into days_due (site_id, quarter, round) select ?, ?, round from summary_round;

-- mark_all_due --
-- Every day of every site is to be summed up.
insert or ignore into days_due (site_id, quarter, round) select id, 0, (select round from summary_round) from sites;

-- begin_round --
-- What changes from now on is the next refresh's.
update summary_round set round = round + 1 returning round;

-- forget_site --
-- Every day of a site is summed up anew.
delete from daily_counts where site_id = ?;

-- forget_day --
-- A day that is summed up anew.
delete from daily_counts where site_id = ? and day = ?;

-- add_row --
-- A part of a day.
insert into daily_counts (site_id, day, attribution_rank, traffic_source, device_type, is_bot, is_internal, sessions,
    without_fingerprint, conversion_events, total_duration_sec, bounces, without_intent, denied, phone, whatsapp, form, calls, sealed)
values (:site_id, :day, :attribution_rank, :traffic_source, :device_type, :is_bot, :is_internal, :sessions, :without_fingerprint,
    :conversion_events, :total_duration_sec, :bounces, :without_intent, :denied, :phone, :whatsapp, :form, :calls, :sealed);

-- forget_due --
-- What was due before a round is done.
delete from days_due where round < ?;
