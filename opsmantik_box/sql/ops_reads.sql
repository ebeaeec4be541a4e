-- list_sites --
-- Every site, with what it may be called by.
select id, public_id, name, domains, timezone from sites where deleted_at is null order by id;

-- list_months --
-- The month files, oldest first.
select month, file from partitions order by month;

-- list_backups --
-- What the ledger knows of the backups at a place.
select name, bytes, verified_at, problem from backups where place = :place;
