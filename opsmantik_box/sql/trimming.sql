-- list_trimmed --
-- Of which sites a month was trimmed, and whether that is done.
select site_id, done from trimmed where month = ?;

-- is_safe --
-- Was a sealed month, as it is, read back whole lately, and the ledger with all its signals backed up and verified?
select exists (select 1 from backed_up_months where month = :month and sha256 = :sha256 and verified_at >= :since)
    and exists (select 1 from backups where verified_at is not null and last_seq >= :seq);

-- begin_trim --
-- A site's events of a month are going to be deleted.
insert into trimmed (month, site_id, at) values (?, ?, ?) on conflict do nothing;

-- end_trim --
-- They are.
update trimmed set done = 1 where month = ? and site_id = ?;

-- trim_events --
-- Some events of a site in a month's file.
delete from events where (session_no, created_at, seq) in (
    select session_no, created_at, seq from events indexed by events_by_time where site_id = ? limit ?
);

-- list_decided --
-- Signals and what was decided of them, a page at a time.
select seq, site_id, decision from signals where seq > ? and seq <= ? and decision is not null order by seq limit ?;

-- trim_signal --
-- A signal whose event is gone. Its id stays known.
delete from signals where seq = ?;
