-- name: acceptances
select subject, tenant_id, amount
from ledger.stripe_acceptances
where %(tenant_ids)s::text [] is null or tenant_id = any(%(tenant_ids)s);

-- name: accept
insert into ledger.stripe_acceptances (subject, tenant_id, amount, reason, accepted_by, accepted_at)
values (%(subject)s, %(tenant_id)s, %(amount)s, %(reason)s, %(actor)s, %(now)s)
on conflict (subject) do update
set amount = excluded.amount, reason = excluded.reason, accepted_by = excluded.accepted_by,
    accepted_at = excluded.accepted_at;
