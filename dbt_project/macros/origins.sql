{% macro voiceflow_origin(rows) -%}
    {#- What is counted together on a day, in Voiceflow's own words. -#}
    concat_ws('/', {{ rows }}.project_id, {{ rows }}.environment_id, {{ rows }}.metric, {{ rows }}.usage_type)
{%- endmacro %}

{% macro metrics_origin(rows) -%}
    {#- What is counted together on a day, in the platform's own words. -#}
    concat_ws('/', {{ rows }}.usage_agent_id, {{ rows }}.metric_type)
{%- endmacro %}
