{% macro is_real(tenant_id) -%}
    {#- Whether a row is not the known-answer tenant's: it is built as all are, and no mart that people add up holds it. -#}
    coalesce({{ tenant_id }} not in (select tenant_id from {{ ref('stg_control__tenants') }} where is_canary), true)
{%- endmacro %}
