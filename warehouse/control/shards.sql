-- name: put_shard
with written as (
    update control.tenants
    set shard = %(shard)s
    where tenant_id = %(tenant_id)s and shard <> %(shard)s
    returning 1
)

select
    1 as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: shards
select
    tenant_id,
    shard
from control.tenants;
