-- name: get
select body, read_at, invalidated_at is not null as is_invalid
from ledger.stripe_cache
where kind = %(kind)s and cache_key = %(cache_key)s;

-- name: put
-- An invalidation that arrived while Stripe was asked is about what it said before or after: read again then.
insert into ledger.stripe_cache as c (kind, cache_key, body, read_at)
values (%(kind)s, %(cache_key)s, %(body)s, %(now)s)
on conflict (kind, cache_key) do update
set
    body = excluded.body,
    read_at = excluded.read_at,
    invalidated_at = case when c.invalidated_at > excluded.read_at then c.invalidated_at end;

-- name: invalidate
update ledger.stripe_cache
set invalidated_at = %(now)s
where kind = %(kind)s and (%(cache_key)s::text is null or cache_key = %(cache_key)s);
