{% macro analyze() -%}
    {#- A table made a moment ago has no statistics, and joins over it are planned blind. Incremental ones are left to autovacuum. -#}
    {%- if model.config.materialized == 'table' -%}
    analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
