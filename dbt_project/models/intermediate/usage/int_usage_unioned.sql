{{ config(incremental_strategy='changed_tenants', indexes=[{'columns': ['tenant_id', 'usage_date']}]) }}
-- Every source in one grain. Here each row gets its tenant and its meter, or the reason why it has none.
with calls as (
    select * from {{ ref('int_calls_daily') }}
    where {{ of_changed_tenants('tenant_id') }}
),

periods as (
    select * from {{ ref('int_period_days') }}
),

meters as (
    select * from {{ ref('stg_control__meters') }}
),

voice_units as (
    select
        units.tenant_id,
        units.agent_id,
        units.campaign_id,
        units.source,
        null as origin,
        units.usage_date,
        units.meter_id,
        units.meter_id as item,
        null as used_item,
        null::jsonb as attributes,
        meters.unit,
        units.quantity,
        units.uncosted_quantity,
        units.account <> 'platform' as is_billed_elsewhere,
        null::numeric as cost,
        'USD' as cost_currency,
        units.calls as row_count,
        units.pull_id,
        units.account,
        null as attached_tenant_id,
        false as may_go_unbilled,
        null as reason
    from {{ ref('int_call_units_daily') }} as units
    inner join periods
        on
            units.tenant_id = periods.tenant_id
            and units.usage_date = periods.usage_date
            and units.meter_id = periods.voice_meter_id
    inner join meters on units.meter_id = meters.meter_id
    where {{ of_changed_tenants('units.tenant_id') }}
),

voice_unmetered as (
    select
        calls.tenant_id,
        calls.agent_id,
        calls.campaign_id,
        calls.source,
        null as origin,
        calls.usage_date,
        null as meter_id,
        'voice' as item,
        null as used_item,
        null::jsonb as attributes,
        'connected second' as unit,
        calls.connected_seconds as quantity,
        calls.uncosted_calls as uncosted_quantity,
        calls.account <> 'platform' as is_billed_elsewhere,
        calls.cost,
        'USD' as cost_currency,
        case when calls.tenant_id is null then calls.calls else calls.connected_calls end as row_count,
        calls.pull_id,
        calls.account,
        null as attached_tenant_id,
        false as may_go_unbilled,
        case when calls.tenant_id is null then 'unattributed' else 'no meter' end as reason
    from calls
    left join periods
        on calls.tenant_id = periods.tenant_id and calls.usage_date = periods.usage_date
    where calls.tenant_id is null or (periods.voice_meter_id is null and calls.connected_calls > 0)
),

voice_errors as (
    select
        tenant_id,
        agent_id,
        campaign_id,
        source,
        null as origin,
        usage_date,
        null as meter_id,
        'voice' as item,
        null as used_item,
        null::jsonb as attributes,
        'call' as unit,
        error_calls::numeric as quantity,
        0::numeric as uncosted_quantity,
        account <> 'platform' as is_billed_elsewhere,
        error_cost as cost,
        'USD' as cost_currency,
        error_calls as row_count,
        pull_id,
        account,
        null as attached_tenant_id,
        false as may_go_unbilled,
        'error' as reason
    from calls
    where error_calls > 0 and tenant_id is not null
),

used as (
    select
        usage.*,
        sources.accounts,
        -- What a provider says a scope cost that day is what all its rows cost.
        sources.cost_is_of_scope and bool_or(usage.cost is not null) over (
            partition by usage.source, usage.account, usage.usage_date, usage.scope_kind, usage.scope_ref
        ) as is_costed
    from {{ ref('int_usage_daily') }} as usage
    inner join {{ ref('stg_control__sources') }} as sources on usage.source = sources.source
    where {{ of_changed_tenants('usage.tenant_id') }}
),

-- A pull of an own account holds the rows of the scopes that were its tenant's when it was read. Where a scope has moved
-- since, its rows count for the new tenant once that one's own pull has them; until then they are reported. Whose it is now
-- is asked here: a move between two others is no change of the account that holds the rows.
routed as (
    select
        held.*,
        coalesce(held.agent_id, named.agent_id) as whose_agent_id,
        coalesce(held.tenant_id, moved.tenant_id) as attached_tenant_id
    from used as held
    -- What is pushed may name its agent by the agent's own id, which may come later than the day.
    left join {{ ref('stg_control__agents') }} as named
        on
            held.accounts = 'pushed'
            and held.tenant_id = named.tenant_id
            and held.scope_ref = named.agent_id
    left join {{ ref('stg_control__scopes') }} as moved
        on
            held.accounts = 'own'
            and held.tenant_id is null
            and held.scope_kind = moved.kind
            and held.scope_ref = moved.value
            and held.usage_date >= moved.valid_from
            and held.usage_date < moved.valid_to
    left join {{ ref('int_usage_daily') }} as own
        on
            moved.tenant_id = own.account
            and held.source = own.source
            and held.usage_date = own.usage_date
            and held.scope_kind = own.scope_kind
            and held.scope_ref = own.scope_ref
            and held.item = own.item
    where own.account is null
),

usage_units as (
    select
        routed.tenant_id,
        routed.whose_agent_id as agent_id,
        null as campaign_id,
        routed.source,
        routed.origin,
        routed.usage_date,
        meters.meter_id,
        coalesce(meters.meter_id, routed.item) as item,
        routed.item as used_item,
        routed.attributes,
        coalesce(meters.unit, routed.unit) as unit,
        case when meters.aggregation = 'count' then routed.row_count else routed.quantity end as quantity,
        case
            when routed.is_costed or routed.may_go_unbilled or routed.traffic <> 'live' then 0
            when meters.aggregation = 'count' then routed.uncosted_row_count
            else routed.uncosted_quantity
        end as uncosted_quantity,
        routed.is_billed_elsewhere,
        routed.cost,
        routed.currency as cost_currency,
        routed.row_count,
        routed.pull_id,
        routed.account,
        routed.attached_tenant_id,
        routed.may_go_unbilled,
        case
            when routed.tenant_id is null then 'unattributed'
            when routed.traffic = 'test' then 'prototype'
            when routed.traffic = 'unknown' then 'unknown type'
            when meters.meter_id is null then 'no meter'
        end as reason
    from routed
    left join meters on {{ counts_row('meters', 'routed') }}
),

unioned as (
    select * from voice_units
    union all
    select * from voice_unmetered
    union all
    select * from voice_errors
    union all
    select * from usage_units
),

-- What a row is by itself comes first; then whether its day is one that is billed; then whether a meter counts it.
dated as (
    select
        unioned.tenant_id,
        unioned.agent_id,
        unioned.campaign_id,
        unioned.source,
        unioned.origin,
        unioned.usage_date,
        unioned.meter_id,
        unioned.item,
        unioned.used_item,
        unioned.attributes,
        unioned.unit,
        unioned.quantity,
        unioned.uncosted_quantity,
        unioned.is_billed_elsewhere,
        unioned.cost,
        unioned.cost_currency,
        unioned.row_count,
        unioned.pull_id,
        unioned.account,
        unioned.attached_tenant_id,
        unioned.may_go_unbilled,
        case
            when unioned.reason in ('unattributed', 'error', 'prototype', 'unknown type') then unioned.reason
            when
                statuses.status is null or statuses.status = 'closed'
                or tenants.activated_on is null or unioned.usage_date < tenants.activated_on
                then 'outside active dates'
            when statuses.status = 'paused' then 'paused'
            else unioned.reason
        end as reason
    from unioned
    left join {{ ref('int_tenants_dated') }} as tenants on unioned.tenant_id = tenants.tenant_id
    left join {{ ref('stg_control__tenant_statuses') }} as statuses
        on
            unioned.tenant_id = statuses.tenant_id
            and unioned.usage_date >= statuses.valid_from
            and unioned.usage_date < statuses.valid_to
)

-- A row of no units may still have cost something, or nobody knows what.
select * from dated
where quantity <> 0 or uncosted_quantity > 0 or cost is not null or reason in ('unattributed', 'error')
