{% macro minor_units(currency) -%}
    {#- Decimals of a statement's amounts; the list is warehouse/currency.py's. -#}
    case when {{ currency }} in ({{ listed('currencies_without_decimals') }}) then 0 else 2 end
{%- endmacro %}

{% macro round_to_currency(amount, currency) -%}
    {#- The one place money is rounded, once per line: round(numeric, int) goes half away from zero. -#}
    round({{ amount }}, {{ minor_units(currency) }})
{%- endmacro %}

{% macro sum_if_known(amount, condition='true') -%}
    {#- The sum of the amounts of which the condition holds, 0 of none; null where one of them is not known. -#}
    case
        when count(*) filter (where {{ condition }}) = count({{ amount }}) filter (where {{ condition }})
            then coalesce(sum({{ amount }}) filter (where {{ condition }}), 0)
    end
{%- endmacro %}

{% macro billed_units(seconds, increment_seconds, minimum_seconds) -%}
    {#- Started increments of the connected seconds; the minimum counts only once there is a second to bill. -#}
    case
        when {{ seconds }} > 0
            then ceil(greatest({{ seconds }}, {{ minimum_seconds }}) / {{ increment_seconds }})
        else 0
    end
{%- endmacro %}

{% macro share_of(amount, part_until, part, whole) -%}
    {#- What `part` of `whole` adds to the shares before it. The last takes what is left, to the last digit. -#}
    trim_scale(
        case
            when {{ part }} = 0 then 0
            when {{ part_until }} = {{ whole }}
                then {{ amount }} - {{ share_until(amount, part_until ~ ' - ' ~ part, whole) }}
            else
                {{ share_until(amount, part_until, whole) }}
                - {{ share_until(amount, part_until ~ ' - ' ~ part, whole) }}
        end
    )
{%- endmacro %}

{% macro share_until(amount, part, whole) -%}
    {#- The first `part` of `whole` of an amount, to 12 decimals. Shares are differences of these, and sum to the amount. -#}
    round(({{ amount }}) * ({{ part }}) / ({{ whole }}), 12)
{%- endmacro %}
