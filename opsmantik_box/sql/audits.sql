-- add_audit --
-- A run of the audits (kind run), or what one found wrong.
insert into audits (kind, at, site_id, outcome, details) values (?, ?, ?, ?, ?);

-- newest_findings --
-- What the last run found wrong.
select kind, site_id, details from audits
where outcome = 'wrong' and at = (select at from audits where kind = 'run' order by id desc limit 1) order by id;
