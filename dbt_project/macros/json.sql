{% macro json_number(value) -%}
    {#-
        A number of a provider's answer; null where it is none, or has more digits than any amount of money: the sum it
        would overflow is everybody's build.
    -#}
    case
        when ({{ value }})::text ~ '^-?[0-9]{1,18}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,2})?$' then ({{ value }})::text::numeric
    end
{%- endmacro %}
