{% test one_row_per(model, columns) -%}
    {#- The grain: no two rows agree in all these columns; a null (no agent, no tenant) is a value like any other. -#}
    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{%- endtest %}
