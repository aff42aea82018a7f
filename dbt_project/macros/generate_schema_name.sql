{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- A folder is a schema of that very name: readers, grants and asset keys depend on it. -#}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
