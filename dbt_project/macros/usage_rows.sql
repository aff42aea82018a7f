{% macro usage_origin() -%}
    {#- What is counted together on a day, in the provider's own words: rows that differ in it may be counted differently. -#}
    control.usage_origin(scope_ref, environment, item, attributes, traffic)
{%- endmacro %}

{% macro counts_row(meters, rows) -%}
    {#- Whether a meter of usage counts a row: of its source and item, with each attribute that it filters by. -#}
    {{ meters }}.source = {{ rows }}.source
    and {{ meters }}.item = {{ rows }}.item
    and ({{ meters }}.only_account is null or {{ meters }}.only_account = {{ rows }}.account)
    and not exists (
        select from jsonb_each({{ meters }}.attribute_filter) as filters (attribute, accepted)
        where not jsonb_exists(filters.accepted, coalesce({{ rows }}.attributes ->> filters.attribute, ''))
    )
{%- endmacro %}
