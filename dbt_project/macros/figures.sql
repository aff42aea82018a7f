{% macro figures(charged, counted) -%}
    {#- Two numbers that differ, in one text: what a person saw when it was accepted. -#}
    concat(trim_scale({{ charged }}), '/', trim_scale({{ counted }}))
{%- endmacro %}
