{% macro analyze() -%}
    {#- A table made a moment ago has no statistics, and joins over it are planned blind. What is added to one is left to autovacuum. -#}
    {%- if model.config.materialized == 'table' or (model.config.materialized == 'incremental' and should_full_refresh()) -%}
    analyze {{ this }}
    {%- endif -%}
{%- endmacro %}
