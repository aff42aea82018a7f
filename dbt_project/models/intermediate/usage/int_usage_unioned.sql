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
        units.source,
        null as origin,
        units.usage_date,
        units.meter_id,
        units.meter_id as item,
        meters.unit,
        units.quantity,
        units.uncosted_quantity,
        units.account <> 'platform' as is_billed_elsewhere,
        null::numeric as cost,
        units.calls as row_count,
        units.pull_id,
        units.account,
        null as attached_tenant_id,
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
        calls.source,
        null as origin,
        calls.usage_date,
        null as meter_id,
        'voice' as item,
        'connected second' as unit,
        calls.connected_seconds as quantity,
        calls.uncosted_calls as uncosted_quantity,
        calls.account <> 'platform' as is_billed_elsewhere,
        calls.cost,
        case when calls.tenant_id is null then calls.calls else calls.connected_calls end as row_count,
        calls.pull_id,
        calls.account,
        null as attached_tenant_id,
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
        source,
        null as origin,
        usage_date,
        null as meter_id,
        'voice' as item,
        'call' as unit,
        error_calls::numeric as quantity,
        0::numeric as uncosted_quantity,
        account <> 'platform' as is_billed_elsewhere,
        error_cost as cost,
        error_calls as row_count,
        pull_id,
        account,
        null as attached_tenant_id,
        'error' as reason
    from calls
    where error_calls > 0 and tenant_id is not null
),

-- An account's rows are its tenant's, or nobody's where the project is another's.
voiceflow_owned as (
    select
        usage.*,
        projects.tenant_id as project_tenant_id,
        projects.agent_id as project_agent_id,
        projects.environment as project_environment
    from {{ ref('int_voiceflow_usage_daily') }} as usage
    left join {{ ref('stg_control__voiceflow_projects') }} as projects on usage.project_id = projects.project_id
    where {{ of_changed_tenants('usage.account') }} or projects.tenant_id is distinct from usage.account
),

voiceflow_costed as (
    select
        *,
        bool_or(cost is not null) over (partition by account, usage_date, project_id) as is_costed
    from voiceflow_owned
),

voiceflow as (
    select
        case when usage.project_tenant_id = usage.account then usage.account end as tenant_id,
        case when usage.project_tenant_id = usage.account then usage.project_agent_id end as agent_id,
        'voiceflow' as source,
        {{ voiceflow_origin('usage') }} as origin,
        usage.usage_date,
        meters.meter_id,
        case
            when usage.metric = 'interactions' then coalesce(meters.meter_id, 'interactions')
            when usage.metric = 'credit_usage' then usage.metric || ' ' || coalesce(usage.usage_type, 'unknown')
            when usage.metric = 'tokens' then usage.metric || ' ' || coalesce(usage.usage_type, 'unknown')
            else usage.metric
        end as item,
        case
            when usage.metric = 'interactions' then coalesce(meters.unit, 'interaction')
            when usage.metric = 'calls' then 'call'
            when usage.metric in ('call_milliseconds', 'talk_milliseconds') then 'millisecond'
            when usage.metric = 'tokens' then 'token'
            when usage.metric = 'transcript_cost' then 'transcript'
            else 'usage unit'
        end as unit,
        usage.quantity,
        case
            when
                usage.metric = 'interactions'
                -- What Voiceflow says a project cost that day is what its interactions cost.
                and not usage.is_costed
                and usage.usage_type in ({{ listed('voiceflow_live_types') }})
                and usage.project_environment in ({{ listed('voiceflow_production_environments') }})
                and usage.environment_id = usage.project_environment
                then usage.quantity
            else 0
        end as uncosted_quantity,
        false as is_billed_elsewhere,
        usage.cost,
        usage.row_count,
        usage.pull_id,
        usage.account,
        usage.project_tenant_id as attached_tenant_id,
        case
            when coalesce(usage.project_tenant_id, '') <> usage.account then 'unattributed'
            -- Of all environments: what drafts cost, costs too.
            when usage.metric = 'transcript_cost' then 'no meter'
            when usage.usage_type in ({{ listed('voiceflow_prototype_types') }}) then 'prototype'
            when usage.project_environment not in ({{ listed('voiceflow_production_environments') }})
                then 'prototype'
            -- The source writes the configured alias on the rows of the environment it names; any other is a draft's.
            when coalesce(usage.environment_id, '') <> usage.project_environment then 'prototype'
            when usage.metric <> 'interactions' then 'no meter'
            when usage.usage_type is null then 'unknown type'
            when usage.usage_type not in ({{ listed('voiceflow_live_types') }}) then 'unknown type'
            when meters.meter_id is null then 'no meter'
        end as reason
    from voiceflow_costed as usage
    left join meters on meters.source = 'voiceflow' and usage.metric = 'interactions'
),

usage_agents as (
    select * from {{ ref('stg_control__agent_attachments') }}
    where kind = 'usage_agent' and tenant_id is not null
),

-- A pull holds the rows of the agents that were its tenant's when it was read. Where an agent has moved since, its
-- rows count for the new tenant once that one's own pull has them; until then they are reported.
metrics_attached as (
    select
        metrics.*,
        usage_agents.tenant_id as attached_tenant_id,
        usage_agents.agent_id as attached_agent_id
    from {{ ref('int_metric_usage_daily') }} as metrics
    left join usage_agents
        on
            metrics.usage_agent_id = usage_agents.value
            and metrics.usage_date >= usage_agents.valid_from
            and metrics.usage_date < usage_agents.valid_to
    where {{ of_changed_tenants('metrics.account') }} or usage_agents.tenant_id is distinct from metrics.account
),

metrics_routed as (
    select held.*
    from metrics_attached as held
    left join {{ ref('int_metric_usage_daily') }} as own
        on
            held.attached_tenant_id <> held.account
            and held.attached_tenant_id = own.account
            and held.usage_date = own.usage_date
            and held.usage_agent_id = own.usage_agent_id
            and held.metric_type = own.metric_type
    where own.account is null
),

metrics as (
    select
        case when routed.attached_tenant_id = routed.account then routed.account end as tenant_id,
        case when routed.attached_tenant_id = routed.account then routed.attached_agent_id end as agent_id,
        'usage_metrics' as source,
        {{ metrics_origin('routed') }} as origin,
        routed.usage_date,
        meters.meter_id,
        coalesce(meters.meter_id, routed.metric_type) as item,
        coalesce(meters.unit, 'unit') as unit,
        routed.quantity,
        routed.uncosted_quantity,
        false as is_billed_elsewhere,
        routed.cost,
        routed.row_count,
        routed.pull_id,
        routed.account,
        routed.attached_tenant_id,
        case
            when coalesce(routed.attached_tenant_id, '') <> routed.account then 'unattributed'
            when meters.meter_id is null then 'no meter'
        end as reason
    from metrics_routed as routed
    left join meters on routed.metric_type = meters.metric_type
),

unioned as (
    select * from voice_units
    union all
    select * from voice_unmetered
    union all
    select * from voice_errors
    union all
    select * from voiceflow
    union all
    select * from metrics
),

-- What a row is by itself comes first; then whether its day is one that is billed; then whether a meter counts it.
dated as (
    select
        unioned.tenant_id,
        unioned.agent_id,
        unioned.source,
        unioned.origin,
        unioned.usage_date,
        unioned.meter_id,
        unioned.item,
        unioned.unit,
        unioned.quantity,
        unioned.uncosted_quantity,
        unioned.is_billed_elsewhere,
        unioned.cost,
        unioned.row_count,
        unioned.pull_id,
        unioned.account,
        unioned.attached_tenant_id,
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
