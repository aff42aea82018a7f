-- name: tables
-- The tables of the marts in which this role may read a column, with those columns in their order.
select
    c.relname as name,
    coalesce(obj_description(c.oid, 'pg_class'), '') as description,
    array_agg(a.attname::text order by a.attnum) as columns,
    array_agg(coalesce(col_description(c.oid, a.attnum), '') order by a.attnum) as meanings,
    bool_or(a.attname = 'usage_date') as has_days,
    bool_or(a.attname = 'period_start') as has_periods
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
where
    c.relnamespace = 'marts'::regnamespace
    and c.relkind in ('r', 'v', 'm', 'p')
    and has_column_privilege(c.oid, a.attnum, 'select')
group by c.oid, c.relname
order by c.relname;
