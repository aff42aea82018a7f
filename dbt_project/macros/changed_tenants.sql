{% macro should_full_refresh() -%}
    {#-
        dbt's own question, asked by is_incremental() and by its incremental tables, with one more reason to make a model anew
        that says `meta: {built_by: tenant}`: none of its tenants may stay as it is (after midnight, a new price, a new release),
        and a new table is cheaper than all rows deleted and inserted. `built_by: all tenants` is for what comes of costs that
        tenants share by their revenue or usage: where there are such, one tenant's change moves all of them.
    -#}
    {%- set wanted = config.get('full_refresh') -%}
    {%- set built_by = (config.get('meta') or {}).get('built_by') -%}
    {%- if wanted is none -%}
        {%- set wanted = flags.FULL_REFRESH -%}
    {%- endif -%}
    {%- if execute and built_by and not wanted -%}
        {%- set wanted = run_query(whether_all_tenants_change(built_by)).rows[0][0] -%}
    {%- endif -%}
    {%- do return(wanted) -%}
{%- endmacro %}

{% macro whether_all_tenants_change(built_by) -%}
    {#-
        Those that stay as they are are told in int_tenants_built, from which the changed ones were taken when they became known.
        Relations and not refs, since dbt asks this for itself, of models that have no such refs.
    -#}
    {%- set built = tenants_built() -%}
    {%- if built is none -%}
    select true
    {%- else -%}
    select
        not exists (select from {{ built }})
        {%- if built_by == 'all tenants' %}
        or (
            exists (select from {{ built.incorporate(path={'identifier': 'int_tenants_changed'}) }})
            and {{ costs_are_weighed(built.incorporate(path={'schema': 'staging', 'identifier': 'stg_control__fixed_costs'})) }}
        )
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro costs_are_weighed(fixed_costs) -%}
    {#- Whether some cost is shared by revenue or usage, so that what one tenant bears moves with all others'. -#}
    exists (select from {{ fixed_costs }} where allocation in ('by_revenue', 'by_usage') and monthly_amount > 0)
{%- endmacro %}

{% macro tenants_built() -%}
    {#- What the last build left, or none; a ref would be a circle, since it is told last. -#}
    {%- if execute -%}
        {{ return(adapter.get_relation(database=target.database, schema='intermediate', identifier='int_tenants_built')) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{% macro tenants_left_as_built() -%}
    {#- The same for comparing: none where all is to be made again. -#}
    {%- if execute and not flags.FULL_REFRESH -%}
        {{ return(tenants_built()) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{% macro of_changed_tenants(column) -%}
    {#-
        Whether a row is a changed tenant's, or nobody's: those are few, and made again each time. To be asked where a table is
        read, before anything is joined or summed: an array meets the index on the tenant.
    -#}
    {%- set changed = ref('int_tenants_changed') -%}
    {%- if is_incremental() -%}
    ({{ column }} = any(array(select changed.tenant_id from {{ changed }} as changed)) or {{ column }} is null)
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{% macro delete_changed_tenants() -%}
    {#- Before the insert and in its transaction. -#}
    {%- if is_incremental() -%}
    delete from {{ this }} as built
    where {{ of_changed_tenants('built.tenant_id') }}
    {%- endif -%}
{%- endmacro %}

{% macro forget_changed_tenants() -%}
    {#- Forgotten before anything of theirs is made again, told last: what a build that dies leaves half-way, the next one redoes. -#}
    {%- set built = tenants_built() -%}
    {%- if built is not none -%}
    delete from {{ built }} as built
    using {{ this }} as changed
    where built.tenant_id = changed.tenant_id
    {%- endif -%}
{%- endmacro %}

{% macro forget_tenants_of_changed_pulls() -%}
    {#-
        While the rows of the former build still stand: a call that goes to another tenant now, or to nobody, changes the tenant it
        leaves, and nothing would tell so later.
    -#}
    {%- set built = tenants_built() -%}
    {%- set calls = adapter.get_relation(database=target.database, schema='intermediate', identifier='int_calls_daily') -%}
    {%- if built is not none and calls is not none -%}
    delete from {{ built }} as built
    where
        built.tenant_id in (
            {{ tenants_of_changed_pulls(this, calls) }}
        )
    {%- endif -%}
{%- endmacro %}

{% macro tenants_of_changed_pulls(changed, calls) -%}
    {#- Whose rows the account-days hold: those of an own account are its tenant's, calls of the shared one whoever's they are. -#}
    select changed.account as tenant_id
    from {{ changed }} as changed
    where changed.account <> 'platform'
    union
    select calls.tenant_id
    from {{ calls }} as calls
    inner join {{ changed }} as changed on calls.account = changed.account and calls.usage_date = changed.usage_date
    where changed.source = 'vapi' and calls.tenant_id is not null
{%- endmacro %}

{% macro is_made_again(column, built_by) -%}
    {#- For tests: whether this build made the row. Those it left alone are of a build whose tests passed. -#}
    (
        {{ column }} = any(array(
            select changed.tenant_id from {{ ref('int_tenants_changed') }} as changed
            {%- if built_by == 'all tenants' %}
            union all
            select tenants.tenant_id from {{ ref('stg_control__tenants') }} as tenants
            where {{ costs_are_weighed(ref('stg_control__fixed_costs')) }}
            {%- endif %}
        ))
        or {{ column }} is null
    )
{%- endmacro %}
