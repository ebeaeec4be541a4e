-- read_identity --
-- Which ledger this is.
select ledger_id, epoch from ledger_identity;

-- read_last_seq --
-- The newest signal it has ever had.
select coalesce((select seq from sqlite_sequence where name = 'signals'), 0);

-- list_partitions --
-- Every month, oldest first.
select month, file, state, sha256 from partitions order by month;

-- read_checkpoint --
-- What a month file has applied, of which ledger.
select ledger_id, seq from checkpoint;

-- count --
-- Rows of a table.
select count(*) from {table};

-- list_tables --
-- The tables whose rows are compared after a restore.
select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' and name not like 'processed_signals_%' order by name;

-- read_accepted --
-- How far everything is that somebody was told is kept.
select coalesce((select seq from sqlite_sequence where name = 'signals'), 0), (select coalesce(max(id), 0) from calls),
    (select coalesce(max(id), 0) from verdicts), (select coalesce(max(id), 0) from audit_log);
