-- name: costs_by_component
-- What calls and all else cost by provider and component, in the currency it was spent in; amounts are null where a part is not known,
-- and known_amount is what is known of it.
select
    date_trunc('month', c.usage_date::timestamp)::date as month,
    coalesce(c.provider, c.source) as provider,
    c.component,
    c.basis,
    c.provider_currency as currency,
    case when count(c.provider_amount) = count(*) then sum(c.provider_amount) end as amount,
    coalesce(sum(c.provider_amount), 0) as known_amount,
    count(*) filter (where c.amount is null and c.basis <> 'billed_elsewhere') as unknown_costs
from marts.fct_costs_daily as c
where
    c.usage_date >= %(month_start)s
    and c.usage_date < %(month_end)s
    and (%(tenant_id)s::text is null or c.tenant_id = %(tenant_id)s)
group by 1, 2, 3, 4, 5
order by 1, 2, 3, 4, 5;

-- name: minutes
-- Connected minutes by month, of a tenant or of all calls.
select
    date_trunc('month', c.usage_date::timestamp)::date as month,
    sum(c.connected_seconds) / 60 as minutes
from marts.fct_call_days as c
where
    c.usage_date >= %(month_start)s
    and c.usage_date < %(month_end)s
    and (%(tenant_id)s::text is null or c.tenant_id = %(tenant_id)s)
group by 1
order by 1;

-- name: unattributed
-- What of the platform's bills was found to be no call's and no tenant's.
select
    provider,
    service,
    currency,
    sum(bill) as bill,
    sum(joined) as joined,
    sum(shared) as shared,
    sum(unattributed) as unattributed
from marts.fct_bill_attribution
where account = 'platform' and tenant_id is null and usage_date >= %(month_start)s and usage_date < %(month_end)s
group by provider, service, currency
having sum(unattributed) <> 0
order by provider, service, currency;

-- name: unattached_scopes
-- Scopes in the platform's accounts that no tenant has on a day, with what they were charged.
select
    b.source,
    b.provider,
    b.scope_kind,
    b.scope_ref,
    b.currency,
    min(b.usage_date) as first_date,
    max(b.usage_date) as last_date,
    sum(b.cost) as cost
from marts.fct_bill_days as b
inner join control.sources as s on b.source = s.source and b.scope_kind = any(s.scope_kinds)
where
    b.account = 'platform' and b.tenant_id is null and b.payer = 'provider_account' and b.scope_ref is not null
    and b.usage_date >= %(month_start)s and b.usage_date < %(month_end)s
group by b.source, b.provider, b.scope_kind, b.scope_ref, b.currency
having sum(b.cost) <> 0
order by b.provider, b.scope_kind, b.scope_ref;

-- name: read_twice
-- Scopes that were charged the same in the bills of two accounts, and not nothing: two keys open one account of the provider.
with charged as (
    select
        source,
        provider,
        account,
        usage_date,
        scope_kind,
        scope_ref,
        currency,
        sum(cost) as cost
    from marts.fct_bill_days
    where
        payer = 'provider_account' and scope_ref is not null
        and usage_date >= %(month_start)s and usage_date < %(month_end)s
    group by source, provider, account, usage_date, scope_kind, scope_ref, currency
    having sum(cost) <> 0
)

select
    one.source,
    one.provider,
    one.account,
    two.account as other_account,
    one.scope_kind,
    one.scope_ref,
    one.currency,
    min(one.usage_date) as first_date,
    max(one.usage_date) as last_date,
    sum(one.cost) as cost
from charged as one
inner join charged as two
    on
        one.source = two.source and one.usage_date = two.usage_date
        and one.scope_kind = two.scope_kind and one.scope_ref = two.scope_ref
        and one.currency = two.currency and one.cost = two.cost
where two.account <> 'platform' and (one.account = 'platform' or one.account < two.account)
group by one.source, one.provider, one.account, two.account, one.scope_kind, one.scope_ref, one.currency
order by one.provider, one.scope_kind, one.scope_ref, two.account;

-- name: charged_twice
-- Calls for which the voice provider and the carrier both name a price; the carrier's counts.
select distinct on (source, account, voice_source, voice_account, call_id)
    source,
    provider,
    account,
    voice_source,
    call_id,
    call_date,
    component,
    tenant_id,
    voice_cost
from marts.fct_call_charges
where usage_date >= %(month_start)s and usage_date < %(month_end)s and voice_cost > 0
order by source, account, voice_source, voice_account, call_id, usage_date;

-- name: unknown_calls
-- Calls at a carrier that no voice provider knows, by day.
select
    source,
    provider,
    account,
    usage_date,
    currency,
    count(*) as calls,
    sum(cost) as cost,
    min(call_ref) as example
from marts.fct_call_charges
where
    usage_date >= %(month_start)s and usage_date < %(month_end)s
    and call_id is null and parent_ref is null and service = 'telephony'
group by source, provider, account, usage_date, currency
order by usage_date, source, account, currency;

-- name: pending
-- Details that their provider has not rated although they should be final by now.
select
    c.source,
    c.provider,
    c.account,
    c.usage_date,
    c.quantity_unit,
    count(*) as charges,
    min(c.call_ref) as example
from marts.fct_call_charges as c
inner join control.sources as s on c.source = s.source
where
    c.usage_date >= %(month_start)s and c.usage_date < %(month_end)s
    and c.is_pending and c.usage_date < %(today)s - s.look_back_days
group by c.source, c.provider, c.account, c.usage_date, c.quantity_unit
order by c.usage_date, c.source, c.account;

-- name: billed_accounts
-- Accounts of a provider whose bill was read at all.
select distinct p.account
from ledger.pulls as p
inner join control.sources as s on p.source = s.source
where s.provider = %(provider)s and s.contract = 'costs' and not s.details_calls and p.state = 'published'
order by p.account;

-- name: bill_by_day
-- The bill of an account as it was read, by day; days that were not read are there too. first_amount is what the first published
-- pull of the day said; is_final: it was read again once the days of looking back were over.
with sources as (
    select distinct
        s.source,
        s.look_back_days
    from ledger.pulls as p
    inner join control.sources as s on p.source = s.source
    where
        s.provider = %(provider)s and s.contract = 'costs' and not s.details_calls
        and p.account = %(account)s and p.state = 'published'
),

days as (
    select
        s.source,
        s.look_back_days,
        d.day::date as usage_date
    from sources as s
    cross join generate_series(
        %(month_start)s::timestamp, least(%(month_end)s, %(today)s)::timestamp - interval '1 day', interval '1 day'
    ) as d (day)
),

read_on as (
    select
        p.source,
        p.usage_date,
        (max(p.closed_at) at time zone 'UTC')::date as read_on
    from ledger.pulls as p
    where
        p.source in (select s.source from sources as s) and p.account = %(account)s
        and p.state in ('published', 'superseded', 'unchanged')
        and p.usage_date >= %(month_start)s and p.usage_date < %(month_end)s
    group by p.source, p.usage_date
),

firsts as (
    select distinct on (p.source, p.usage_date)
        p.source,
        p.usage_date,
        p.totals
    from ledger.pulls as p
    where
        p.source in (select s.source from sources as s) and p.account = %(account)s
        and p.state in ('published', 'superseded')
        and p.usage_date >= %(month_start)s and p.usage_date < %(month_end)s
    order by p.source, p.usage_date, p.pull_id
),

billed as (
    select
        b.source,
        b.usage_date,
        b.currency,
        coalesce(sum(b.cost) filter (where b.payer = 'provider_account'), 0) as bill,
        coalesce(sum(b.cost) filter (where b.payer <> 'provider_account'), 0) as on_other_bills,
        count(*) filter (where b.cost is null) as unknown_lines
    from marts.fct_bill_days as b
    where
        b.provider = %(provider)s and b.account = %(account)s
        and b.usage_date >= %(month_start)s and b.usage_date < %(month_end)s
    group by b.source, b.usage_date, b.currency
),

pending as (
    select
        c.usage_date,
        count(*) as pending
    from marts.fct_call_charges as c
    where
        c.provider = %(provider)s and c.account = %(account)s and c.is_pending
        and c.usage_date >= %(month_start)s and c.usage_date < %(month_end)s
    group by c.usage_date
)

select
    d.source,
    d.usage_date,
    b.currency,
    p.pull_id is not null as is_read,
    r.read_on,
    coalesce(r.read_on > d.usage_date + d.look_back_days, false) as is_final,
    b.bill,
    coalesce(
        f.totals ->> ('amount_' || b.currency), f.totals ->> 'amount', case when f.totals ->> 'rows' = '0' then '0' end
    )::numeric as first_amount,
    coalesce(b.on_other_bills, 0) as on_other_bills,
    coalesce(b.unknown_lines, 0) as unknown_lines,
    coalesce(n.pending, 0) as pending
from days as d
left join ledger.pulls as p
    on d.source = p.source and p.account = %(account)s and d.usage_date = p.usage_date and p.state = 'published'
left join billed as b on d.source = b.source and d.usage_date = b.usage_date
left join firsts as f on d.source = f.source and d.usage_date = f.usage_date
left join read_on as r on d.source = r.source and d.usage_date = r.usage_date
left join pending as n on d.usage_date = n.usage_date
order by d.usage_date, d.source, b.currency;
