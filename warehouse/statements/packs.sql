-- name: frozen
select
    p.manifest_hash,
    k.content,
    k.content_hash
from ledger.periods as p
left join ledger.packs as k
    on p.tenant_id = k.tenant_id and p.period_start = k.period_start and p.manifest_hash = k.manifest_hash
where p.tenant_id = %(tenant_id)s and p.period_start = %(period_start)s and p.state = 'closed';

-- name: freeze
insert into ledger.packs (tenant_id, period_start, manifest_hash, content, content_hash)
values (%(tenant_id)s, %(period_start)s, %(manifest_hash)s, %(content)s, %(content_hash)s)
on conflict do nothing;
