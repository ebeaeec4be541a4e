-- Of which sites a month's events and signals were deleted, because their days were over, or are being deleted (done 0). What is left of the
-- signals does not make such a month any more: it is never folded again.
create table trimmed (
    month text not null,
    site_id integer not null,
    at integer not null,
    done integer not null default 0,
    primary key (month, site_id)
) strict, without rowid;
