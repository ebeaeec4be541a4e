-- trim_touches --
-- Ad clicks that assist nobody any more.
delete from touches where (site_id, fingerprint, kind, click_id) in (
    select site_id, fingerprint, kind, click_id from touches where site_id = :site_id and at < :before order by at limit :most
);

-- list_old_contacts --
-- Contacts of a status whose days are over: they are going to be deleted.
insert into erasing (call_id) select id from calls where site_id = ? and status is ? and at < ? order by at limit ?;

-- trim_deliveries --
-- What was sent, or given up.
delete from outbox where id in (select id from outbox where created_at < :before and state <> 'waiting' order by id limit :most);

-- trim_alerts --
-- What was wrong once; what still is stays.
delete from alerts where id in (
    select id from alerts where last_at < :before and resolved_at is not null order by id limit :most);

-- trim_audits --
-- What the machine found in order.
delete from audits where id in (select id from audits where at < :before order by id limit :most);

-- trim_refusals --
-- How often something was refused.
delete from refusals where (day, site_id, reason) in (
    select day, site_id, reason from refusals where day < :before_day order by day limit :most
);

-- trim_audit_log --
-- Who did what.
delete from audit_log where id in (select id from audit_log where at < :before order by at limit :most);
