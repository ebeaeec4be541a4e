-- Clicks of a span of time: what the report of a day counts without walking a year of touches.
create index touches_by_time on touches (site_id, at, session_id) where time_unknown = 0;
