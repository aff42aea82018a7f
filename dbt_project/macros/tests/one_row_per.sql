{% test one_row_per(model, columns, due_with=none) -%}
    {#- The grain: no two rows agree in all these columns; a null (no agent, no tenant) is a value like any other. -#}
    select {{ columns | join(', ') }}
    from {{ model }}
    {%- if due_with %}
    where {{ is_made_again('tenant_id', due_with) }}
    {%- endif %}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{%- endtest %}
