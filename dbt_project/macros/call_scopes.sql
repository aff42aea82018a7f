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
