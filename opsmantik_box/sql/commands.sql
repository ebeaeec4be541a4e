-- list_sites --
-- Every site that is not deleted.
select id, public_id, name, domains, staging_domains, timezone, default_region, currency, consent, internal_addresses,
    trusted_proxies, settings, created_at
from sites where deleted_at is null order by id;

-- add_site --
-- A tracked website.
insert into sites (public_id, name, domains, staging_domains, timezone, default_region, currency, consent, internal_addresses,
    trusted_proxies, settings, created_at)
values (:public_id, :name, :domains, :staging_domains, :timezone, :default_region, :currency, :consent, :internal_addresses,
    :trusted_proxies, :settings, :created_at)
returning id;

-- change_site --
-- What may be changed of a site.
update sites set domains = ?, consent = ?, trusted_proxies = ? where id = ?;

-- count_taps --
-- Taps of a site since a time.
select count(*) from calls where site_id = ? and source = 'click' and at >= ?;

-- add_user --
-- A person who may use the Box.
insert into users (email, name, created_at) values (?, ?, ?) returning id;

-- list_users --
-- Everybody, with the number of their sites.
select u.id, u.email, u.name, u.created_at, (select count(*) from site_members m where m.user_id = u.id)
from users u where u.deleted_at is null order by u.id;

-- find_user --
-- A person by id or e-mail address.
select id, email, name from users where deleted_at is null and (cast(id as text) = :who or email = :who);

-- grant_site --
-- A person works on a site with these rights.
insert into site_members (site_id, user_id, rights, created_at) values (?, ?, ?, ?)
on conflict (site_id, user_id) do update set rights = excluded.rights;

-- add_token --
-- A token: only its keyed hash is kept.
insert into api_tokens (name, token_hash, user_id, site_id, rights, created_at) values (?, ?, ?, ?, ?, ?) returning id;

-- add_login --
-- A token given for a password: it may do what its person may.
insert into api_tokens (name, token_hash, user_id, rights, created_at, expires_at, by_login)
values (?, ?, ?, 'admin', ?, ?, 1) returning id;

-- find_login --
-- Who logs in with this e-mail address, however it is written.
select id, email, case when name <> '' then name else email end from users where deleted_at is null and email = ? collate nocase limit 1;

-- revoke_logins_of --
-- What was given for a password that is no more.
update api_tokens set revoked_at = ? where user_id = ? and by_login = 1 and revoked_at is null returning id;

-- find_token --
-- Whose token this is.
select t.id, t.user_id, case when u.name <> '' then u.name else u.email end, t.site_id, t.rights, t.last_used_at
from api_tokens t left join users u on u.id = t.user_id
where t.token_hash = ? and t.revoked_at is null and (t.expires_at is null or t.expires_at > ?);

-- find_asker --
-- The person a live token of this number belongs to.
select u.id, case when u.name <> '' then u.name else u.email end, u.email, t.rights
from api_tokens t join users u on u.id = t.user_id
where t.id = ? and t.revoked_at is null and (t.expires_at is null or t.expires_at > ?) and u.deleted_at is null;

-- find_live_token --
-- What a token's successor takes over.
select name, user_id, site_id, rights from api_tokens
where id = ? and revoked_at is null and (expires_at is null or expires_at > ?);

-- expire_token --
-- It has a successor, and opens until then.
update api_tokens set expires_at = min(coalesce(expires_at, :at), :at) where id = :id;

-- list_expired_tokens --
-- Tokens whose time to live beside their successor is over.
select id from api_tokens where expires_at <= ? and revoked_at is null;

-- revoke_tokens_of --
-- From now on a person's tokens open nothing.
update api_tokens set revoked_at = ? where user_id = ? and revoked_at is null;

-- remove_user --
-- The row stays for the trail; the address becomes free.
update users set deleted_at = ?, email = email || ' (removed ' || id || ')' where id = ?;

-- leave_sites --
-- A person works on no site any more.
delete from site_members where user_id = ?;

-- leave_site --
-- A person works on this site no more.
delete from site_members where user_id = ? and site_id = ? returning site_id;

-- list_rights --
-- Who may do what, where.
select u.email, s.name, m.rights, m.created_at
from site_members m join users u on u.id = m.user_id join sites s on s.id = m.site_id
where u.deleted_at is null and s.deleted_at is null order by u.email, s.name;

-- list_audit --
-- Who did what, newest first.
select a.id, a.at, a.actor, a.action, s.name, a.ref, a.details from audit_log a left join sites s on s.id = a.site_id
where (:site_id is null or a.site_id = :site_id) and (:actor is null or a.actor = :actor)
order by a.id desc limit :limit;

-- use_token --
-- When a token was last used; at most once a minute.
update api_tokens set last_used_at = ? where id = ?;

-- sites_of_user --
-- The sites a person works on.
select m.site_id, m.rights from site_members m join sites s on s.id = m.site_id
where m.user_id = ? and s.deleted_at is null order by m.site_id;

-- list_tokens --
-- Every token, without anything that would let one use it.
select t.id, t.name, t.rights, u.email, s.name, t.created_at, t.last_used_at, t.expires_at, t.revoked_at
from api_tokens t left join users u on u.id = t.user_id left join sites s on s.id = t.site_id order by t.id;

-- revoke_token --
-- From now on this token opens nothing.
update api_tokens set revoked_at = ? where id = ? and revoked_at is null returning id;

-- read_token_key --
-- The key of the tokens' hashes (vault).
select key from token_key;

-- keep_password --
-- A person's password, hashed (vault).
insert into passwords (user_id, hash, changed_at) values (?, ?, ?)
on conflict (user_id) do update set hash = excluded.hash, changed_at = excluded.changed_at;

-- find_password --
-- Its hash (vault).
select hash from passwords where user_id = ?;

-- list_passwords --
-- Who has one (vault).
select user_id, changed_at from passwords;

-- drop_password --
-- Of somebody who is removed (vault).
delete from passwords where user_id = ?;

-- write_token_key --
-- Once, when the vault is made.
insert into token_key (one, key) values (1, ?);
