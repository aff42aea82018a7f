{{ config(
    incremental_strategy='changed_days',
    indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id']}]
) }}
-- The bill is the grain day: the grain call is its detail, and adding both would count it twice. What another bill holds is
-- on that one.
with pulls as (
    {{ changed_pulls_of('costs') }}
),

lines as (
    select costs.*
    from {{ ref('stg_contracts__costs') }} as costs
    where {{ in_changed_pulls('costs.pull_id') }} and costs.grain = 'day' and costs.payer = 'provider_account'
),

attachments as (
    select * from {{ ref('stg_control__agent_attachments') }}
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
        account,
        usage_date,
        pull_id,
        tenant_id,
        agent_id,
        service as component,
        case
            when account_tenant_id is not null then 'billed_elsewhere'
            when amount is null then 'unknown'
            else 'reported_by_provider'
        end as basis,
        case when account_tenant_id is null and amount is null then 'no_number' end as unknown_reason,
        coalesce(currency, 'USD') as currency,
        sum(amount) as cost
    from routed
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
)

select * from daily
