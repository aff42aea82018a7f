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
