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

{% macro json_document(value) -%}
    {#-
        A structure of a provider's answer; null where a number in it is larger than any column holds: the cast would
        stop everybody's build. What a text in it says is no number.
    -#}
    case
        when regexp_replace(({{ value }})::text, '"(\\.|[^"\\])*"', '', 'g') !~ '[eE][-+]?[0-9]{4}|[0-9]{200}'
            then ({{ value }})::jsonb
    end
{%- endmacro %}
