{% test holds(model, condition) -%}
    {#- A sentence of algebra that is true of every row. -#}
    select *
    from {{ model }}
    where not coalesce(({{ condition }}), false)
{%- endtest %}
