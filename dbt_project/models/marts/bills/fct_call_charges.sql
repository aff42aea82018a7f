{{ config(meta={'joined': true}, indexes=[
    {'columns': ['account', 'usage_date']},
    {'columns': ['voice_account', 'call_date']},
    {'columns': ['tenant_id', 'call_date']},
]) }}
-- Of a bill's details, each is charged to the nearest call above it that a voice provider knows: legs and recordings name the
-- call they belong to. They are matched by the carrier's id alone, a day to either side, never by number and time.
with recursive pulls as (
    {{ changed_pulls_of('costs', joined=true) }}
),

details as (
    select costs.*
    from {{ ref('int_costs_priced') }} as costs
    where {{ in_changed_pulls('costs.pull_id') }} and costs.grain = 'call' and costs.payer = 'provider_account'
),

pulls_around as (
    select distinct around.pull_id
    from {{ ref('stg_ledger__current_pulls') }} as around
    inner join {{ ref('stg_control__sources') }} as sources on around.source = sources.source and sources.details_calls
    inner join pulls
        on
            around.account = pulls.account
            and around.usage_date >= pulls.usage_date - 1
            and around.usage_date <= pulls.usage_date + 1
),

parents as (
    select
        costs.provider,
        costs.account,
        costs.call_ref,
        costs.parent_ref
    from {{ ref('stg_contracts__costs') }} as costs
    where
        costs.pull_id = any(array(select pulls_around.pull_id from pulls_around))
        and costs.grain = 'call'
        and costs.parent_ref is not null
),

climbed as (
    select
        details.pull_id,
        details.provider,
        details.account,
        details.call_ref,
        details.line_item,
        refs.ref,
        refs.steps
    from details
    cross join lateral (values (details.call_ref, 0), (details.parent_ref, 1)) as refs (ref, steps)
    where refs.ref is not null
    union
    select
        climbed.pull_id,
        climbed.provider,
        climbed.account,
        climbed.call_ref,
        climbed.line_item,
        parents.parent_ref as ref,
        climbed.steps + 1 as steps
    from climbed
    inner join parents
        on
            climbed.provider = parents.provider
            and climbed.account = parents.account
            and climbed.ref = parents.call_ref
    where climbed.steps between 1 and 9
),

calls as (
    select * from {{ ref('int_calls_covered') }}
    where carrier_ref is not null
),

matched as (
    select distinct on (climbed.pull_id, climbed.call_ref, climbed.line_item)
        climbed.pull_id,
        climbed.call_ref,
        climbed.line_item,
        calls.source as voice_source,
        calls.account as voice_account,
        calls.call_id,
        calls.usage_date as call_date,
        calls.tenant_id,
        calls.agent_id,
        calls.campaign_id,
        calls.component,
        calls.voice_cost
    from climbed
    inner join pulls on climbed.pull_id = pulls.pull_id
    inner join calls
        on
            climbed.provider = calls.carrier
            and climbed.ref = calls.carrier_ref
            and calls.usage_date >= pulls.usage_date - 1
            and calls.usage_date <= pulls.usage_date + 1
            -- What a tenant's own account is charged is no other tenant's.
            and (pulls.tenant_id is null or pulls.tenant_id = calls.tenant_id)
    order by
        climbed.pull_id, climbed.call_ref, climbed.line_item, climbed.steps, calls.source, calls.account, calls.call_id
),

attachments as (
    select * from {{ ref('stg_control__scopes') }}
    where tenant_id is not null
),

charged as (
    select
        details.source,
        details.bill_source,
        details.provider,
        details.account,
        details.usage_date,
        details.pull_id,
        details.call_ref,
        details.parent_ref,
        details.line_item,
        details.service,
        details.scope_kind,
        details.scope_ref,
        coalesce(details.account_tenant_id, attachments.tenant_id) as bill_tenant_id,
        case
            when details.account_tenant_id is null or attachments.tenant_id = details.account_tenant_id
                then attachments.agent_id
        end as bill_agent_id,
        matched.voice_source,
        matched.voice_account,
        matched.call_id,
        matched.call_date,
        coalesce(matched.tenant_id, details.account_tenant_id) as tenant_id,
        matched.agent_id,
        matched.campaign_id,
        matched.component,
        case
            when details.account_tenant_id is not null then 'billed_elsewhere'
            when details.cost is null then 'unknown'
            when details.is_estimated then 'estimated'
            else 'reported_by_provider'
        end as basis,
        details.unknown_reason,
        details.is_pending,
        details.quantity,
        details.quantity_unit,
        details.cost,
        details.currency,
        matched.voice_cost
    from details
    left join matched
        on
            details.pull_id = matched.pull_id
            and details.call_ref = matched.call_ref
            and details.line_item = matched.line_item
    left join attachments
        on
            details.scope_kind = attachments.kind
            and details.scope_ref = attachments.value
            and details.usage_date >= attachments.valid_from
            and details.usage_date < attachments.valid_to
)

select * from charged
