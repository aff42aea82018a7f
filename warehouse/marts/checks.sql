-- name: no_usage_is_unattributed
select
    source,
    item,
    usage_date,
    quantity,
    cost
from marts.fct_unbilled_usage
where reason = 'unattributed'
order by usage_date desc, source, item;

-- name: no_usage_is_unpriced
-- What somebody has to settle before a period is approved; nobody else's alarm.
select
    tenant_id,
    source,
    item,
    usage_date,
    quantity,
    reason
from marts.fct_unbilled_usage
where is_blocking and reason in ('unpriced', 'no meter', 'unknown type')
order by usage_date desc, tenant_id, source, item;

-- name: usage_that_no_price_is_for
-- What a provider counts too and nothing of ours bills: usage units, tokens, durations. Reported, never dropped.
select
    source,
    item,
    unit,
    count(distinct tenant_id) as tenants,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    sum(quantity) as quantity
from marts.fct_unbilled_usage
where not is_blocking and reason = 'no meter'
group by source, item, unit
order by source, item;

-- name: no_day_is_missing
select
    tenant_id,
    usage_date,
    source,
    status,
    cause
from marts.fct_tenant_day_status
where status in ('not pulled', 'failed')
order by usage_date desc, tenant_id, source;

-- name: provider_total_agrees
select
    source,
    account,
    usage_date,
    pull_id,
    name,
    counted,
    provider_says
from ledger.disagreeing_totals
where source = %(source)s
order by usage_date desc, account, name;

-- name: no_call_is_counted_twice
-- The first call of each account-day of the last hundred days: two accounts that share it are one organisation under
-- two keys, whose calls are all billed twice.
with firsts as (
    select
        p.source,
        p.account,
        p.usage_date,
        c.call_id
    from ledger.pulls as p
    inner join control.sources as s on p.source = s.source and s.contract = 'calls'
    cross join lateral (
        select f.call_id from marts.fct_calls as f
        where f.account = p.account and f.usage_date = p.usage_date and f.source = p.source
        order by f.call_id
        limit 1
    ) as c
    where p.state = 'published' and p.row_count > 0 and p.usage_date >= current_date - 100
),

shared as (
    select
        source,
        usage_date,
        call_id,
        array_agg(account order by account) as accounts
    from firsts
    group by source, usage_date, call_id
    having count(*) > 1
)

select
    array_to_string(accounts, ', ') as accounts,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    count(*) as days,
    min(call_id) as example,
    source
from shared
group by source, accounts
order by source, accounts;

-- name: the_books_balance
select
    tenant_id,
    line_id,
    currency,
    rated_quantity,
    stated_quantity,
    rated_amount,
    stated_amount
from marts.fct_line_balances
where not is_balanced
order by tenant_id, line_id;

-- name: no_pushed_event_is_missing
select
    m.tenant_id,
    m.usage_date,
    m.missing,
    m.pushed,
    m.example
from
    intake.missing_events(
        %(source)s,
        (select max(p.usage_date) - 35 from ledger.pulls as p where p.source = %(source)s and p.state = 'published')
    ) as m
order by m.usage_date desc, m.tenant_id;

-- name: campaigns_are_counted_alike
-- Campaigns of which a provider counts other calls than were read, once it will count no more of them.
select
    source,
    account,
    campaign_id,
    min(first_usage_date) as first_day,
    max(last_usage_date) as last_day,
    sum(calls)::bigint as calls,
    max(provider_calls) as provider_calls,
    sum(connected_calls)::bigint as connected_calls,
    max(provider_connected_calls) as provider_connected_calls
from marts.dim_campaigns
where count_state = 'differs'
group by source, account, campaign_id
order by source, account, campaign_id;
