-- Where a cost is shared by revenue or usage, one tenant's change moves what all others bear: all their costs are due then.
with changed as (
    select tenant_id from {{ ref('int_tenants_changed') }}
),

tenants as (
    select
        tenants.tenant_id,
        changed.tenant_id is not null as is_changed
    from {{ ref('stg_control__tenants') }} as tenants
    left join changed on tenants.tenant_id = changed.tenant_id
),

decided as (
    select
        tenant_id,
        is_changed,
        bool_and(is_changed) over ()
        or (bool_or(is_changed) over () and {{ costs_are_weighed(ref('stg_control__fixed_costs')) }}) as are_all_moved
    from tenants
),

due as (
    select
        decided.tenant_id,
        parts.due_with
    from decided
    inner join (values ('usage'), ('costs'), ('shares')) as parts (due_with)
        on
            decided.are_all_moved and parts.due_with <> 'usage'
            or decided.is_changed and parts.due_with <> 'shares'
)

select * from due
