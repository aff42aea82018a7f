{% macro json_text(value) -%}
    {#- A text of a provider's answer; null where it is none, or empty. -#}
    case when json_typeof({{ value }}) = 'string' then nullif({{ value }} #>> '{}', '') end
{%- endmacro %}

{% macro json_list(value) -%}
    {#- A list of a provider's answer; null where it is none, or empty. -#}
    case when json_typeof({{ value }}) = 'array' and json_array_length({{ value }}) > 0 then {{ value }} end
{%- endmacro %}

{% macro json_number(value) -%}
    {#-
        A number of a provider's answer; null where it is none, or has more digits than any amount of money: the sum it
        would overflow is everybody's build.
    -#}
    case
        when ({{ value }})::text ~ '^-?[0-9]{1,18}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,2})?$' then ({{ value }})::text::numeric
    end
{%- endmacro %}
