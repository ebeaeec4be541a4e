-- How far daily_summary has come: the newest signal and verdict that are in it, and when it was refreshed.
create table summary_state (
    one integer not null primary key check (one = 1),
    seq integer not null,
    verdict_id integer not null,
    at integer not null
) strict;
