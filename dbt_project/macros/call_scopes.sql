{% macro call_scopes() -%}
    {#- By which kinds of attachment a call finds its agent, and the column of each: the first that is attached on its day decides. -#}
    {{ return([
        ('vapi_call', 'call_id'),
        ('vapi_phone_number', 'phone_number_id'),
        ('vapi_squad', 'squad_id'),
        ('vapi_workflow', 'workflow_id'),
        ('vapi_assistant', 'assistant_id'),
    ]) }}
{%- endmacro %}

{% macro listed_call_scopes() -%}
    {%- for kind, column in call_scopes() %}'{{ kind }}'{{ '' if loop.last else ', ' }}{% endfor -%}
{%- endmacro %}

{% macro attachments_of_call() -%}
    {%- for kind, column in call_scopes() %}
    left join attachments as by_{{ kind }}
        on
            by_{{ kind }}.kind = '{{ kind }}'
            and calls.{{ column }} = by_{{ kind }}.value
            and calls.usage_date >= by_{{ kind }}.valid_from
            and calls.usage_date < by_{{ kind }}.valid_to
    {%- endfor %}
{%- endmacro %}

{% macro tenant_of_call() -%}
    coalesce(calls.account_tenant_id{% for kind, column in call_scopes() %}, by_{{ kind }}.tenant_id{% endfor %})
{%- endmacro %}

{% macro agent_of_call() -%}
    case
    {%- for kind, column in call_scopes() %}
        when by_{{ kind }}.tenant_id = coalesce(calls.account_tenant_id, by_{{ kind }}.tenant_id) then by_{{ kind }}.agent_id
    {%- endfor %}
    end
{%- endmacro %}
