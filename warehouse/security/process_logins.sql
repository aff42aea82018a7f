-- name: hand_over_dagster
do $$
declare
    relation record;
begin
    execute format('alter schema dagster owner to %I', {login});
    for relation in
        select c.oid::regclass as name, c.relkind from pg_catalog.pg_class as c
        where
            c.relnamespace = 'dagster'::regnamespace and c.relkind in ('r', 'p', 'v', 'S')
            and c.relowner <> {login}::regrole
            and not exists (
                select from pg_catalog.pg_depend as d
                where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i')
            )
    loop
        execute format('alter table %s owner to %I', relation.name, {login});
    end loop;
end
$$;
