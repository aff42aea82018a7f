{% macro postgres__create_view_as(relation, sql) -%}
    {#- A plain view reads with its owner's rights and so past row-level security; these read with the reader's. -#}
    {%- set sql_header = config.get('sql_header', none) -%}
    {{ sql_header if sql_header is not none }}
    create view {{ relation }} with (security_invoker = true)
    {%- if config.get('contract').enforced %}
    {{ get_assert_columns_equivalent(sql) }}
    {%- endif %}
    as (
        {{ sql }}
    );
{%- endmacro %}

{%- materialization view, adapter='postgres' -%}
    {#- Other words are other models, which are made from scratch: a view that stands reads what is there now, and stays. -#}
    {%- set former = load_cached_relation(this) -%}
    {%- if former is not none and former.is_view and not should_full_refresh() -%}
    {%- call noop_statement('main', 'STANDS') -%}
    {{ sql }}
    {%- endcall -%}
    {{ return({'relations': [former]}) }}
    {%- endif -%}
    {{ return(materialization_view_default()) }}
{%- endmaterialization -%}
