-- name: get
select body, read_at, invalidated_at is not null as is_invalid
from ledger.stripe_cache
where
    kind = %(kind)s and cache_key = %(cache_key)s and body <> 'null'
    and stripe_account = %(stripe_account)s and is_live = %(is_live)s;

-- name: stands
select from ledger.stripe_cache
where kind = %(kind)s and cache_key = %(cache_key)s and read_at = %(read_at)s and invalidated_at is null;

-- name: put
-- An invalidation that arrived while Stripe was asked is about what it said before or after: read again then.
insert into ledger.stripe_cache as c (kind, cache_key, body, read_at, stripe_account, is_live)
values (%(kind)s, %(cache_key)s, %(body)s, %(now)s, %(stripe_account)s, %(is_live)s)
on conflict (kind, cache_key) do update
set
    body = excluded.body,
    stripe_account = excluded.stripe_account,
    is_live = excluded.is_live,
    read_at = excluded.read_at,
    invalidated_at = case when c.invalidated_at > excluded.read_at then c.invalidated_at end
returning invalidated_at is not null as is_invalid;

-- name: invalidate
update ledger.stripe_cache
set invalidated_at = %(now)s
where kind = %(kind)s and (%(cache_key)s::text is null or cache_key = %(cache_key)s);

-- name: invalidate_upcoming
-- Of customers whose next invoice we change, also of those that somebody is asking about just now for the first time.
insert into ledger.stripe_cache (kind, cache_key, body, read_at, invalidated_at)
select 'upcoming', c.customer, 'null', %(now)s, %(now)s
from unnest(%(customers)s::text []) as c (customer)
order by c.customer
on conflict (kind, cache_key) do update set invalidated_at = excluded.invalidated_at;
