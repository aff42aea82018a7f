{% macro is_success(evaluation, rubric, success_from) -%}
    {#-
        Whether an evaluation is a success by its rubric (`warehouse/control/call_results.py`); null where its words are none of
        the rubric's.
    -#}
    case {{ rubric }}
        when 'pass_fail'
            then
                case
                    when lower({{ evaluation }}) in ('true', 'pass', 'passed') then true
                    when lower({{ evaluation }}) in ('false', 'fail', 'failed') then false
                end
        when 'numeric' then {{ json_number(evaluation) }} >= {{ success_from }}
        when 'percentage' then {{ json_number("rtrim(" ~ evaluation ~ ", ' %')") }} >= {{ success_from }}
        when 'likert'
            then
                array_position(
                    array['strongly disagree', 'disagree', 'neutral', 'agree', 'strongly agree'], lower({{ evaluation }})
                ) >= {{ success_from }}
        when 'descriptive'
            then array_position(array['poor', 'fair', 'good', 'excellent'], lower({{ evaluation }})) >= {{ success_from }}
    end
{%- endmacro %}
