{{ config(
    post_hook='{{ forget_changed_tenants() }}'
) }}
-- A tenant's days are made again when its rows changed, when its periods or anything else of control did, and when the day
-- changed. The revision is that from before control was read: what changed since is due again.
{%- set built = left_as_built('intermediate', 'int_tenants_built') %}
with revision as (
    select * from {{ ref('stg_control__revision') }}
),

built as (
    {% if built is not none -%}
        select
            tenant_id,
            control_revision
        from {{ built }}
        where as_of = {{ as_of() }}
    {%- else -%}
        select
            tenant_id,
            0::bigint as control_revision
        from {{ ref('stg_control__tenants') }}
        where false
    {%- endif %}
),

period_changes as (
    select
        tenant_id,
        max(revision) as revision
    from {{ ref('stg_ledger__periods') }}
    group by tenant_id
),

with_new_rows as (
    {{ tenants_of_changed_pulls(ref('int_pulls_changed'), [
        ref('int_calls_daily'), ref('int_usage_daily'), ref('int_provider_costs_daily'), ref('int_cost_moves_daily')
    ]) }}
),

unchanged as (
    select built.tenant_id
    from built
    cross join revision
    left join period_changes on built.tenant_id = period_changes.tenant_id
    left join with_new_rows on built.tenant_id = with_new_rows.tenant_id
    where
        with_new_rows.tenant_id is null
        and built.control_revision >= revision.besides_periods
        and built.control_revision >= coalesce(period_changes.revision, 0)
),

changed as (
    select
        tenants.tenant_id,
        revision.revision as control_revision
    from {{ ref('stg_control__tenants') }} as tenants
    cross join revision
    left join unchanged on tenants.tenant_id = unchanged.tenant_id
    where unchanged.tenant_id is null
)

select * from changed
