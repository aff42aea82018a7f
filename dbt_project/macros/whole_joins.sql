{% macro whole_joins() -%}
    {#-
        A first build reads everything through tables made a moment ago, whose joins are planned blind: as loops of all over all.
        In the transaction that makes the model, so for nothing else.
    -#}
    {%- if not is_incremental() -%}
    set local enable_nestloop = off
    {%- endif -%}
{%- endmacro %}
