{% macro vapi_end_group(reason) -%}
    {#-
        Vapi's endedReason in the groups of the contract of calls (sources/contracts.py); the first that fits holds, and null is a
        reason that fits none. The set is open: new reasons of a failure begin as the known ones do.
        https://docs.vapi.ai/calls/call-ended-reason
    -#}
    case
        when {{ reason }} ~ '^customer-ended-call' then 'customer hung up'
        when {{ reason }} ~ '^(assistant-forwarded-call|assistant-ended-call-after-warm-transfer)' then 'transferred'
        when {{ reason }} ~ '^(assistant-(ended-call|said-)|silence-timed-out|exceeded-max-duration)' then 'assistant ended'
        when {{ reason }} ~ '^voicemail' then 'voicemail'
        when {{ reason }} ~ '^(customer-(busy|did-not-answer)|twilio-reported-customer-misdialed)' then 'no answer'
        when
            {{ reason }} ~ '^(assistant-(request|not)-|no-server-available|license-check|call-start-error-|call\.start\.error-)'
            and {{ reason }} !~ 'vapifault|providerfault'
            or {{ reason }} ~ '^pipeline-error-.*-(400|401|403)-|-(incorrect-api-key|unauthorized|quota|exceeded-quota)'
            then 'failed at us'
        when
            {{ reason }} ~ 'vapifault|providerfault|^(pipeline-|call\.(in-progress|ringing)\.error-|vonage-|phone-call-provider-)'
            or {{ reason }} in (
                'twilio-failed-to-connect-call', 'db-error', 'unknown-error', 'worker-shutdown', 'assistant-join-timed-out'
            )
            then 'failed at provider'
    end
{%- endmacro %}
