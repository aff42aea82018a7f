-- name: marker
select obj_description(to_regclass(%s), 'pg_class');

-- name: grant_loads
grant select, insert on {schema}._dlt_loads to minutebook_loader;

-- name: grant_version
grant select, insert on {schema}._dlt_version to minutebook_loader;

-- name: mark
comment on table {schema}._dlt_version is {marker};
