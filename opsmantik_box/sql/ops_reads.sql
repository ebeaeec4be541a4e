-- list_sites --
-- Every site, with what it may be called by.
select id, public_id, name, domains, timezone from sites where deleted_at is null order by id;

-- list_months --
-- The month files, oldest first.
select month, file from partitions order by month;
