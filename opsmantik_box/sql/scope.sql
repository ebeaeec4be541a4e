-- make_scope --
-- The sites this connection may see. Nothing reads it but the inner views.
create temp table scope (site_id integer not null primary key);

-- empty_scope --
-- Before the next request's sites come in.
delete from temp.scope;

-- fill_scope --
-- One site of the request's token.
insert into temp.scope (site_id) values (?);

-- real_tables --
-- Every table and view of an attached file: without a view of its own it is out of reach.
select lower(name) from {file}.sqlite_schema where type in ('table', 'view');
