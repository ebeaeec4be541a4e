-- add_hook --
-- An address at which an exchange tells of a site's calls.
insert into hooks (site_id, provider, mode, header, networks, created_at) values (?, ?, ?, ?, ?, ?) returning id;

-- find_hook --
-- A hook that was not removed.
select id, site_id, provider, mode, header, networks from hooks where id = ? and removed_at is null;

-- list_hooks --
-- Every hook, without anything that would let one use it.
select h.id, s.name, h.provider, h.mode, h.networks, (select count(*) from hook_secrets k where k.hook_id = h.id), h.created_at,
    h.last_call_at
from hooks h join sites s on s.id = h.site_id where h.removed_at is null order by h.id;

-- list_signing_hooks --
-- A site's hooks whose keys sign as Standard Webhooks has it.
select id from hooks where site_id = ? and mode = 'standard' and removed_at is null;

-- remove_hook --
-- From now on this address is none.
update hooks set removed_at = ? where id = ? and removed_at is null returning site_id;

-- add_secret --
-- One more secret for a hook's address: only its keyed hash is kept.
insert into hook_secrets (hook_id, secret_hash, created_at) values (?, ?, ?);

-- list_secrets --
-- A hook's secrets, newest first.
select secret_hash from hook_secrets where hook_id = ? order by id desc;

-- drop_secret --
-- A secret that opens nothing any more.
delete from hook_secrets where hook_id = ? and secret_hash = ?;

-- add_key --
-- What an exchange signs with, or its Basic password (vault).
insert into hook_keys (hook_id, kind, secret, created_at) values (?, ?, ?, ?);

-- list_keys --
-- A hook's keys of a kind, newest first (vault).
select id, secret from hook_keys where hook_id = ? and kind = ? order by id desc;

-- drop_key --
-- A key that is not believed any more (vault).
delete from hook_keys where id = ?;

-- read_box_key --
-- A key of the Box's own (vault).
select key from box_keys where purpose = ?;

-- write_box_key --
-- Once, when it is first needed (vault).
insert into box_keys (purpose, key) values (?, ?);
