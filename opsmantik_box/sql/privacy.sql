-- oldest_events --
-- The first event of a site in a month file.
select min(created_at) from events where site_id = :site_id;

-- oldest_sessions --
-- The first session of a site in a month file.
select min(created_at) from sessions where site_id = :site_id;

-- oldest_unsealed --
-- The first intent or call that was not sealed.
select at from calls where site_id = :site_id and status is not 'confirmed' and status is not 'qualified' and status is not 'real'
order by at limit 1;

-- oldest_sealed --
-- The first intent or call that was sealed.
select min(at) from (
    select min(at) as at from calls where site_id = :site_id and status = 'confirmed'
    union all select min(at) from calls where site_id = :site_id and status = 'qualified'
    union all select min(at) from calls where site_id = :site_id and status = 'real'
);

-- oldest_touches --
-- The first ad interaction that is remembered: the covering index by visitor.
select min(at) from touches where site_id = :site_id;

-- list_people --
-- Who may see a site, and how far: asked of the ledger itself, by its owner.
select u.email, m.rights from site_members as m join users as u on u.id = m.user_id
where m.site_id = :site_id and u.deleted_at is null order by m.rights desc, u.email;

-- read_settings --
-- A site's own settings: its shorter days.
select settings from sites where id = :site_id;

-- list_lanes --
-- Who is told of this site's alerts and contacts: the lane, and where that goes.
select lane, lane from lanes where lane in ('telegram', 'email') and last_delivered_at is not null
union all select 'webhook', url from webhooks where removed_at is null and coalesce(site_id, :site_id) = :site_id;

-- list_places --
-- Where copies of everything lie.
select distinct place from backups order by place;
