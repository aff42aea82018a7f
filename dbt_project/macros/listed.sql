{% macro listed(variable) -%}
    {#- A list variable of the project as SQL literals. -#}
    '{{ var(variable) | join("', '") }}'
{%- endmacro %}
