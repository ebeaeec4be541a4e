-- What a line of all sites counts is in the index: a day's sessions lie in as many pages as there are sessions.
drop index sessions_by_time;
create index sessions_by_time on sessions (site_id, created_at, attribution_rank, is_bot, is_internal, fingerprint);
