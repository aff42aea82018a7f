{% macro as_of() -%}
    {#- Today in UTC, given by whoever builds; only parsing does without. -#}
    '{{ var("as_of") if execute else "2000-01-01" }}'::date
{%- endmacro %}
