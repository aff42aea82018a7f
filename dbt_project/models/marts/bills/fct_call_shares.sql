{{ config(meta={'joined': true}, indexes=[
    {'columns': ['account', 'usage_date']},
    {'columns': ['voice_account', 'usage_date']},
    {'columns': ['tenant_id', 'usage_date']},
]) }}
-- A bill by day is shared by the calls that were declared to be on it, by what the voice provider says they used. What a scope of
-- a tenant's was charged is shared by its calls alone; the rest by calls of tenants that have no scope in that account.
with pulls as (
    {{ changed_pulls_of('costs', joined=true) }}
),

calls as (
    select
        pulls.pull_id,
        pulls.source,
        pulls.account,
        pulls.usage_date,
        covered.source as voice_source,
        covered.account as voice_account,
        covered.call_id,
        covered.tenant_id,
        covered.agent_id,
        covered.campaign_id,
        covered.component,
        covered.service,
        covered.quantity,
        covered.quantity_unit
    from pulls
    inner join {{ ref('int_calls_covered') }} as covered
        on
            pulls.source = covered.cost_source
            and pulls.account = covered.cost_account
            and pulls.usage_date = covered.usage_date
),

external as (
    select
        bills.pull_id,
        bills.component as service,
        bills.tenant_id,
        bills.agent_id
    from {{ ref('int_provider_costs_daily') }} as bills
    inner join pulls on bills.pull_id = pulls.pull_id
    where bills.payer = 'external' and bills.cost <> 0
    group by bills.pull_id, bills.component, bills.tenant_id, bills.agent_id
),

-- A part of a bill that says what calls cost. Lines of credit alone do not, and neither does 0 beside money on another bill; what
-- credits take off beyond the charges stays on the bill, since no call costs less than nothing.
bills as (
    select
        bills.pull_id,
        bills.component as service,
        bills.tenant_id,
        bills.agent_id,
        bills.basis,
        bills.unknown_reason,
        bills.currency,
        case when count(bills.cost) = count(*) then greatest(sum(bills.cost), 0) end as cost
    from {{ ref('int_provider_costs_daily') }} as bills
    inner join pulls on bills.pull_id = pulls.pull_id
    left join external
        on
            bills.pull_id = external.pull_id
            and bills.component = external.service
            and bills.tenant_id is not distinct from external.tenant_id
            and bills.agent_id is not distinct from external.agent_id
    where bills.payer = 'provider_account'
    group by
        bills.pull_id, bills.component, bills.tenant_id, bills.agent_id, bills.basis, bills.unknown_reason,
        bills.currency
    having
        bool_or(bills.charges is not null or bills.cost is null)
        and (coalesce(sum(bills.cost), 1) <> 0 or bool_and(external.pull_id is null))
),

-- Tenants that have a scope of their own in the platform's account that day.
scoped as (
    select distinct
        pulls.pull_id,
        attachments.tenant_id
    from pulls
    inner join {{ ref('stg_control__sources') }} as sources on pulls.source = sources.source
    inner join {{ ref('stg_control__scopes') }} as attachments
        on
            attachments.tenant_id is not null
            and jsonb_exists(sources.scope_kinds, attachments.kind)
            and pulls.usage_date >= attachments.valid_from
            and pulls.usage_date < attachments.valid_to
    where pulls.account = 'platform'
),

weighed as (
    select
        calls.*,
        bills.tenant_id as bill_tenant_id,
        bills.agent_id as bill_agent_id,
        bills.basis as bill_basis,
        bills.unknown_reason,
        bills.currency,
        bills.cost as bill,
        dense_rank() over (
            partition by calls.pull_id, calls.service
            order by bills.tenant_id, bills.agent_id, bills.basis, bills.unknown_reason, bills.currency
        ) as bill_number
    from calls
    left join scoped on calls.pull_id = scoped.pull_id and calls.tenant_id = scoped.tenant_id
    inner join bills
        on
            calls.pull_id = bills.pull_id
            and calls.service = bills.service
            and (
                bills.tenant_id = calls.tenant_id
                or (bills.tenant_id is null and (calls.tenant_id is null or scoped.tenant_id is null))
            )
            and (bills.agent_id is null or bills.agent_id = calls.agent_id)
),

cumulated as (
    select
        *,
        coalesce(sum(quantity) over bill, 0) as whole,
        sum(quantity) over (
            partition by pull_id, service, bill_number
            order by voice_source, voice_account, call_id, component
        ) as quantity_until,
        min(quantity_unit) over bill as least_unit,
        max(quantity_unit) over bill as most_unit
    from weighed
    window bill as (partition by pull_id, service, bill_number)
),

-- Without quantities, or with such as cannot be added, the bill stays a tenant's day's; or nobody's, and what of it is a call's
-- is not known. Of what it names no money for, a call that used nothing still has nothing.
measured as (
    select
        *,
        coalesce(whole > 0 and least_unit = most_unit, false) as is_shared
    from cumulated
),

shared as (
    select
        *,
        case
            when bill = 0 then 0
            when is_shared and quantity is not null
                then {{ share_of('bill', 'quantity_until', 'quantity', 'nullif(whole, 0)') }}
        end as cost
    from measured
    where is_shared or bill_tenant_id is null
),

-- A published bill that has no line for a call says nothing of what the call used; one that used nothing costs nothing.
without_bill as (
    select calls.*
    from calls
    left join weighed
        on
            calls.pull_id = weighed.pull_id
            and calls.voice_source = weighed.voice_source
            and calls.voice_account = weighed.voice_account
            and calls.call_id = weighed.call_id
            and calls.component = weighed.component
    where weighed.call_id is null
),

unioned as (
    select
        pull_id,
        source,
        account,
        usage_date,
        voice_source,
        voice_account,
        call_id,
        tenant_id,
        agent_id,
        campaign_id,
        component,
        service,
        quantity,
        quantity_unit,
        bill_tenant_id,
        bill_agent_id,
        bill_basis,
        case
            when cost is not null then null
            when is_shared and quantity is not null then unknown_reason
            else 'no_quantity'
        end as unknown_reason,
        currency,
        cost
    from shared
    union all
    select
        pull_id,
        source,
        account,
        usage_date,
        voice_source,
        voice_account,
        call_id,
        tenant_id,
        agent_id,
        campaign_id,
        component,
        service,
        quantity,
        quantity_unit,
        null as bill_tenant_id,
        null as bill_agent_id,
        'nothing' as bill_basis,
        case when quantity = 0 then null else 'not_on_bill' end as unknown_reason,
        'USD' as currency,
        case when quantity = 0 then 0 end as cost
    from without_bill
),

based as (
    select
        unioned.source,
        sources.bill_source,
        sources.provider,
        unioned.account,
        unioned.usage_date,
        unioned.pull_id,
        unioned.voice_source,
        unioned.voice_account,
        unioned.call_id,
        unioned.tenant_id,
        unioned.agent_id,
        unioned.campaign_id,
        unioned.component,
        unioned.service,
        unioned.quantity,
        unioned.quantity_unit,
        unioned.bill_tenant_id,
        unioned.bill_agent_id,
        unioned.bill_basis,
        case
            when unioned.unknown_reason is not null and unioned.account = 'platform' then 'unknown'
            when unioned.bill_basis in ('reported_by_provider', 'nothing', 'unknown') and unioned.account = 'platform'
                then 'allocated'
            when unioned.bill_basis = 'nothing' then 'billed_elsewhere'
            else unioned.bill_basis
        end as basis,
        unioned.unknown_reason,
        unioned.currency,
        unioned.cost
    from unioned
    inner join {{ ref('stg_control__sources') }} as sources on unioned.source = sources.source
)

select * from based
