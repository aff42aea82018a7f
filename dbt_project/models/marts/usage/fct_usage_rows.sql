{{ config(indexes=[{'columns': ['pull_id', 'origin']}, {'columns': ['source', 'account', 'usage_date']}]) }}
-- What sources of usage told, row by row, so that a line can be followed to the provider's own words.
with pulls as (
    {{ changed_pulls_of('usage') }}
),

usage as (
    select
        usage.account_tenant_id as tenant_id,
        usage.source,
        usage.account,
        usage.usage_date,
        usage.pull_id,
        usage.origin,
        usage.scope_kind,
        coalesce(usage.scope_ref, '') as scope,
        usage.item,
        usage.object_id,
        usage.recorded_at as reported_at,
        usage.quantity,
        usage.cost,
        case when usage.cost is not null then usage.currency end as cost_currency
    from {{ ref('stg_contracts__usage') }} as usage
    where {{ in_changed_pulls('usage.pull_id') }}
)

select * from usage
where {{ is_real('tenant_id') }}
