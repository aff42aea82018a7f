{{ config(
    incremental_strategy='changed_days',
    meta={'joined': true},
    indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id']}, {'columns': ['bill_tenant_id']}]
) }}
-- What goes from a bill to calls: the same sum is taken from the one and added to the other, so that together they stay the bill.
with pulls as (
    {{ changed_pulls_of('costs', joined=true) }}
),

charges as (
    select
        charges.source,
        charges.bill_source,
        charges.account,
        charges.usage_date,
        charges.bill_tenant_id,
        charges.bill_agent_id,
        case when charges.account = 'platform' then 'reported_by_provider' else 'billed_elsewhere' end as bill_basis,
        charges.service,
        charges.tenant_id,
        charges.agent_id,
        charges.campaign_id,
        charges.call_date,
        charges.voice_source,
        charges.component,
        charges.basis,
        charges.unknown_reason,
        charges.currency,
        charges.cost,
        'joined' as way
    from {{ ref('fct_call_charges') }} as charges
    inner join pulls on charges.pull_id = pulls.pull_id
    where charges.call_id is not null
),

shares as (
    select
        shares.source,
        shares.bill_source,
        shares.account,
        shares.usage_date,
        shares.bill_tenant_id,
        shares.bill_agent_id,
        shares.bill_basis,
        shares.service,
        shares.tenant_id,
        shares.agent_id,
        shares.campaign_id,
        shares.usage_date as call_date,
        shares.voice_source,
        shares.component,
        shares.basis,
        shares.unknown_reason,
        shares.currency,
        shares.cost,
        'shared' as way
    from {{ ref('fct_call_shares') }} as shares
    inner join pulls on shares.pull_id = pulls.pull_id
),

unioned as (
    select * from charges
    union all
    select * from shares
),

daily as (
    select
        source,
        bill_source,
        account,
        usage_date,
        bill_tenant_id,
        bill_agent_id,
        bill_basis,
        service,
        tenant_id,
        agent_id,
        campaign_id,
        call_date,
        voice_source,
        component,
        basis,
        unknown_reason,
        currency,
        way,
        sum(cost) as cost
    from unioned
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18
)

select * from daily
