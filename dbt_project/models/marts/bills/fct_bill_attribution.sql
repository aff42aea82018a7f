{{ config(materialized='table', indexes=[{'columns': ['usage_date']}, {'columns': ['tenant_id', 'usage_date']}]) }}
with parts as (
    select
        bill_source,
        account,
        usage_date,
        tenant_id,
        component as service,
        currency,
        cost as bill,
        (cost is null)::int as unknown_lines,
        null::numeric as joined,
        null::numeric as shared
    from {{ ref('int_provider_costs_daily') }}
    where payer = 'provider_account'
    union all
    select
        bill_source,
        account,
        usage_date,
        bill_tenant_id as tenant_id,
        service,
        currency,
        null as bill,
        0 as unknown_lines,
        case when way = 'joined' then cost end as joined,
        case when way = 'shared' then cost end as shared
    from {{ ref('int_cost_moves_daily') }}
    where bill_basis <> 'nothing'
),

attributed as (
    select
        bill_source as source,
        account,
        usage_date,
        tenant_id,
        service,
        currency,
        sum(bill) as bill,
        sum(unknown_lines) as unknown_lines,
        coalesce(sum(joined), 0) as joined,
        coalesce(sum(shared), 0) as shared
    from parts
    group by bill_source, account, usage_date, tenant_id, service, currency
),

billed as (
    select * from {{ ref('stg_ledger__current_pulls') }}
    where contract = 'costs'
),

placed as (
    select
        attributed.source,
        sources.provider,
        attributed.account,
        attributed.usage_date,
        attributed.tenant_id,
        attributed.service,
        attributed.currency,
        attributed.bill,
        attributed.unknown_lines,
        attributed.joined,
        attributed.shared,
        case
            when billed.pull_id is not null then coalesce(attributed.bill, 0) - attributed.joined - attributed.shared
        end as rest,
        case
            when billed.pull_id is not null and attributed.tenant_id is null
                then coalesce(attributed.bill, 0) - attributed.joined - attributed.shared
        end as unattributed
    from attributed
    inner join {{ ref('stg_control__sources') }} as sources on attributed.source = sources.source
    left join billed
        on
            attributed.source = billed.source
            and attributed.account = billed.account
            and attributed.usage_date = billed.usage_date
)

select * from placed
