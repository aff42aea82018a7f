-- name: last_counted
-- What the provider counted when each day was last read well; what was listed then, where it would not count.
select distinct on (p.account, p.usage_date)
    p.account,
    p.usage_date,
    coalesce(p.provider_totals ->> 'calls', p.totals ->> 'calls', '0')::numeric as calls,
    (p.provider_totals ->> 'cost')::numeric as cost
from ledger.pulls as p
where
    p.source = %(source)s
    and p.account = any(%(accounts)s)
    and p.usage_date >= %(first_day)s
    and p.usage_date < %(end)s
    and p.state in ('published', 'unchanged')
order by p.account, p.usage_date, p.pull_id desc;

-- name: last_totals
select distinct on (p.account, p.usage_date)
    p.account,
    p.usage_date,
    (select jsonb_object_agg(t.name, t.value) from jsonb_each_text(p.totals) as t (name, value)) as totals
from ledger.pulls as p
where
    p.source = %(source)s
    and p.account = any(%(accounts)s)
    and p.usage_date >= %(first_day)s
    and p.usage_date < %(end)s
    and p.state in ('published', 'unchanged')
    and p.totals <> '{}'
order by p.account, p.usage_date, p.pull_id desc;
