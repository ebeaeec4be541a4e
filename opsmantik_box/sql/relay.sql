-- add_envelope --
-- A request of a tracker, as it came. The caller's transaction makes it durable.
insert into envelopes (at, origin, address, agent, body) values (?, ?, ?, ?, ?);

-- list_waiting --
-- What main has not said yes to, oldest first.
select no, at, origin, address, agent, body from envelopes where state = 'waiting' order by no limit ?;

-- drop_envelope --
-- Main has it.
delete from envelopes where no = ?;

-- park_envelope --
-- Main refused it for good: kept, and not sent again before the next start.
update envelopes set state = 'parked', status = ?, answer = ? where no = ?;

-- unpark --
-- Another try for what was refused: a site or a domain may be known by now.
update envelopes set state = 'waiting' where state = 'parked';

-- forget_parked --
-- Refused, and too old to be sent again.
delete from envelopes where state = 'parked' and at < ?;

-- count_envelopes --
-- How many wait or are parked, and since when the oldest of them.
select state, count(*), min(at) from envelopes group by state;

-- list_parked --
-- Why main refused.
select status, answer, count(*), max(at) from envelopes where state = 'parked' group by status, answer order by count(*) desc limit 20;

-- note_told --
-- Main answered: so many more are there.
update relay_state set told = told + ?, told_at = ?, skew_ms = ?, failure = '';

-- note_failure --
-- Main did not answer, or not as it should.
update relay_state set failed_at = ?, failure = ?;

-- write_sites --
-- The sites main told of.
update relay_state set sites = ?, sites_at = ?;

-- read_state --
-- How the line to main is.
select sites_at, told, told_at, failed_at, failure, skew_ms from relay_state;

-- read_sites --
-- The sites main told of last.
select sites, sites_at from relay_state;
