{% macro as_of() -%}
    {#- Today in UTC, given by whoever builds: only parsing does without, and a unit test gives its own as a variable. -#}
    '{{ (var("as_of", none) or env_var("MINUTEBOOK_DBT_AS_OF")) if execute else "2000-01-01" }}'::date
{%- endmacro %}
