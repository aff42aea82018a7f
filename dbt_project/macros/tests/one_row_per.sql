{% test one_row_per(model, columns, built_by=none) -%}
    {#- The grain: no two rows agree in all these columns; a null (no agent, no tenant) is a value like any other. -#}
    select {{ columns | join(', ') }}
    from {{ model }}
    {%- if built_by %}
    where {{ is_made_again('tenant_id', built_by) }}
    {%- endif %}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{%- endtest %}
