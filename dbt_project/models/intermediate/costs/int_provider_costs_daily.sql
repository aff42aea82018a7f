{{ config(
    incremental_strategy='changed_days',
    indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id']}]
) }}
-- The bill is the grain day: the grain call is its detail, and adding both would count it twice.
with pulls as (
    {{ changed_pulls_of('costs') }}
),

lines as (
    select costs.*
    from {{ ref('int_costs_priced') }} as costs
    where {{ in_changed_pulls('costs.pull_id') }} and costs.grain = 'day'
),

attachments as (
    select * from {{ ref('stg_control__scopes') }}
    where tenant_id is not null
),

-- An own account is its tenant's; what the provider attributes to no scope of a tenant costs the platform.
routed as (
    select
        lines.*,
        coalesce(lines.account_tenant_id, attachments.tenant_id) as tenant_id,
        case
            when lines.account_tenant_id is null or attachments.tenant_id = lines.account_tenant_id
                then attachments.agent_id
        end as agent_id
    from lines
    left join attachments
        on
            lines.scope_kind = attachments.kind
            and lines.scope_ref = attachments.value
            and lines.usage_date >= attachments.valid_from
            and lines.usage_date < attachments.valid_to
),

daily as (
    select
        source,
        bill_source,
        provider,
        account,
        usage_date,
        pull_id,
        scope_kind,
        scope_ref,
        tenant_id,
        agent_id,
        service as component,
        payer,
        case
            when payer <> 'provider_account' or account_tenant_id is not null then 'billed_elsewhere'
            when cost is null then 'unknown'
            when is_estimated then 'estimated'
            else 'reported_by_provider'
        end as basis,
        unknown_reason,
        currency,
        quantity_unit,
        sum(quantity) as quantity,
        sum(cost) as cost,
        sum(cost) filter (where cost >= 0) as charges
    from routed
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
)

select * from daily
