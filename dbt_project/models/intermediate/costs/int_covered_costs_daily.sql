{{ config(
    incremental_strategy='changed_days',
    meta={'joined': true},
    indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id']}]
) }}
-- Of components on another bill, what no bill says of: a call that its carrier does not know costs what the voice provider says, or
-- nobody knows what; and which declared bills are awaited.
with pulls as (
    {{ changed_pulls_of('calls', joined=true) }}
),

covered as (
    select covered.*
    from {{ ref('int_calls_covered') }} as covered
    inner join pulls
        on covered.source = pulls.source and covered.account = pulls.account and covered.usage_date = pulls.usage_date
),

not_charged as (
    select covered.*
    from covered
    left join {{ ref('fct_call_charges') }} as charges
        on
            covered.source = charges.voice_source
            and covered.account = charges.voice_account
            and covered.usage_date = charges.call_date
            and covered.call_id = charges.call_id
            and covered.component = charges.component
    where covered.carrier_ref is not null and charges.call_id is null
),

of_voice as (
    select
        source,
        account,
        usage_date,
        tenant_id,
        agent_id,
        campaign_id,
        component,
        case
            when account <> 'platform' then 'billed_elsewhere'
            when voice_unknown_reason is not null or voice_cost is null then 'unknown'
            else 'reported_by_voice'
        end as basis,
        case
            when account = 'platform' and (voice_unknown_reason is not null or voice_cost is null) then 'not_on_bill'
        end as unknown_reason,
        voice_currency as currency,
        case when account <> 'platform' or voice_unknown_reason is null then voice_cost end as cost,
        null as cost_source,
        null as cost_account
    from not_charged
    where voice_cost is not null or voice_unknown_reason is not null or outcome = 'connected'
),

awaited as (
    select distinct
        source,
        account,
        usage_date,
        tenant_id,
        agent_id,
        campaign_id,
        component,
        case when cost_account = 'platform' then 'unknown' else 'billed_elsewhere' end as basis,
        case when cost_account = 'platform' then 'not_on_bill' end as unknown_reason,
        voice_currency as currency,
        null::numeric as cost,
        cost_source,
        cost_account
    from covered
    where cost_source is not null
),

unioned as (
    select * from of_voice
    union all
    select * from awaited
),

daily as (
    select
        source,
        account,
        usage_date,
        tenant_id,
        agent_id,
        campaign_id,
        component,
        basis,
        unknown_reason,
        currency,
        cost_source,
        cost_account,
        case when count(cost) = count(*) then sum(cost) end as cost
    from unioned
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
)

select * from daily
