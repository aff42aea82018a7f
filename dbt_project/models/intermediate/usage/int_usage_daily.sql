{{ config(indexes=[{'columns': ['account', 'usage_date']}, {'columns': ['tenant_id']}]) }}
with pulls as (
    {{ changed_pulls_of('usage') }}
),

rows_read as (
    select usage.*
    from {{ ref('stg_contracts__usage') }} as usage
    where {{ in_changed_pulls('usage.pull_id') }}
),

scopes as (
    select * from {{ ref('stg_control__scopes') }}
    where tenant_id is not null
),

sources as (
    select * from {{ ref('stg_control__sources') }}
),

-- What a tenant pushed is its own, whatever its scope is.
-- An own account is its tenant's. Where a source reads it by the tenant's scopes alone, a row is the tenant's while its scope
-- is, and nobody's once that is another's.
attached as (
    select
        rows_read.*,
        scopes.tenant_id as attached_tenant_id,
        scopes.agent_id as attached_agent_id,
        case
            when rows_read.environment is null or scopes.environment is null then rows_read.traffic
            when scopes.is_live and rows_read.environment = scopes.environment then rows_read.traffic
            else 'test'
        end as traffic_of_scope,
        case
            when sources.accounts = 'pushed' then rows_read.account_tenant_id
            when sources.accounts = 'shared' then coalesce(rows_read.account_tenant_id, scopes.tenant_id)
            when scopes.tenant_id = rows_read.account then scopes.tenant_id
        end as tenant_id,
        sources.accounts = 'shared' and rows_read.account_tenant_id is not null as is_billed_elsewhere
    from rows_read
    inner join sources on rows_read.source = sources.source
    left join scopes
        on
            rows_read.scope_kind = scopes.kind
            and rows_read.scope_ref = scopes.value
            and rows_read.usage_date >= scopes.valid_from
            and rows_read.usage_date < scopes.valid_to
),

daily as (
    select
        source,
        account,
        usage_date,
        pull_id,
        tenant_id,
        case when attached_tenant_id = tenant_id then attached_agent_id end as agent_id,
        scope_kind,
        scope_ref,
        origin,
        item,
        unit,
        attributes,
        traffic_of_scope as traffic,
        may_go_unbilled,
        is_billed_elsewhere,
        currency,
        count(*) as row_count,
        count(*) filter (where cost is null) as uncosted_row_count,
        sum(quantity) as quantity,
        coalesce(sum(quantity) filter (where cost is null), 0) as uncosted_quantity,
        sum(cost) as cost
    from attached
    group by
        source, account, usage_date, pull_id, tenant_id, attached_tenant_id, attached_agent_id, scope_kind,
        scope_ref, origin, item, unit, attributes, traffic_of_scope, may_go_unbilled,
        is_billed_elsewhere, currency
)

select * from daily
