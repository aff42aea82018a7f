{% macro of_changed_tenants(column) -%}
    {#-
        Whether a row is of a tenant whose rows of this model are made again (int_tenants_due), or nobody's: those are few, and made
        again each time. To be asked where a table is read, before anything is joined or summed: an array meets the index on the
        tenant.
    -#}
    {%- set due = tenants_due() -%}
    {%- if is_incremental() -%}
    ({{ column }} = any(array({{ due }})) or {{ column }} is null)
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{% macro tenants_due(due_with=none) -%}
    {#- By default with what the model's folder says it is made again with: usage, costs or shares. -#}
    select due.tenant_id from {{ ref('int_tenants_due') }} as due
    where due.due_with = '{{ due_with or ((model.config.meta or {}).due_with if execute) }}'
{%- endmacro %}

{% macro get_incremental_changed_tenants_sql(arguments) -%}
    {#- dbt's incremental strategy `changed_tenants`: the rows of tenants that are due go, and those made now come. -#}
    delete from {{ arguments.target_relation }} as built
    where {{ of_changed_tenants('built.tenant_id') }};
    {{ get_incremental_append_sql(arguments) }}
{%- endmacro %}

{% macro costs_are_weighed(fixed_costs) -%}
    {#- Whether some cost is shared by revenue or usage, so that what one tenant bears moves with all others'. -#}
    exists (select from {{ fixed_costs }} where allocation in ('by_revenue', 'by_usage') and monthly_amount > 0)
{%- endmacro %}

{% macro forget_changed_tenants() -%}
    {#- Forgotten before anything of theirs is made again, told last: what a build that dies leaves half-way, the next one redoes. -#}
    {%- set built = former_build('intermediate', 'int_tenants_built') -%}
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
    {%- set built = former_build('intermediate', 'int_tenants_built') -%}
    {%- set calls = former_build('intermediate', 'int_calls_daily') -%}
    {%- set usage = former_build('intermediate', 'int_usage_daily') -%}
    {%- set costs = former_build('intermediate', 'int_provider_costs_daily') -%}
    {%- set moves = former_build('intermediate', 'int_cost_moves_daily') -%}
    {%- if built is not none and calls is not none and usage is not none and costs is not none and moves is not none -%}
    delete from {{ built }} as built
    where
        built.tenant_id in (
            {{ tenants_of_changed_pulls(this, [calls, usage, costs, moves]) }}
        )
    {%- endif -%}
{%- endmacro %}

{% macro tenants_of_changed_pulls(changed, routed) -%}
    {#- Whose rows the account-days hold: those of an own account are its tenant's, what is routed of the shared one whoever's it is. -#}
    select changed.account as tenant_id
    from {{ changed }} as changed
    where changed.account <> 'platform' and not changed.is_only_results
    {%- for rows in routed %}
    union
    select of_shared.tenant_id
    from {{ rows }} as of_shared
    inner join {{ changed }} as changed
        on
            of_shared.source = changed.source
            and of_shared.account = changed.account
            and of_shared.usage_date = changed.usage_date
            and not changed.is_only_results
    where of_shared.tenant_id is not null
    {%- endfor %}
{%- endmacro %}

{% macro is_made_again(column, due_with) -%}
    {#- For tests: whether this build made the row. Those it left alone are of a build whose tests passed. -#}
    ({{ column }} = any(array({{ tenants_due(due_with) }})) or {{ column }} is null)
{%- endmacro %}
