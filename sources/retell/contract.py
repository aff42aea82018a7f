"""What of a Retell call is stored, beside the result that every voice provider's call has."""

from sources.checks.allowed import LEFT_OUT, Allowed, Shape, fields
from sources.results import RESULT

FACTS = (
    "call_id", "call_status", "call_type", "direction", "agent_id", "agent_version", "start_timestamp",
    "end_timestamp", "duration_ms", "disconnection_reason", "call_cost", "batch_call_id",
)  # fmt: skip
_COST: Shape = {
    **fields("combined_cost total_duration_seconds total_duration_unit_price"),
    "product_costs": [fields("product cost unit_price is_transfer_leg_cost")],
}
# Known, and stored for nobody: what lets somebody into a call, addresses of files, and what is no bill's business.
_LEFT_OUT = (
    "access_token agent_name agent_tag collected_dynamic_variables custom_sip_headers custom_attributes"
    " data_storage_setting knowledge_base_retrieved_contents_url latency llm_token_usage metadata opt_in_signed_url"
    " public_log_url recording_multi_channel_url recording_url retell_llm_dynamic_variables"
    " scrubbed_recording_multi_channel_url scrubbed_recording_url telephony_identifier transfer_end_timestamp"
)
CALL = Allowed({**fields(" ".join(FACTS)), **dict.fromkeys(_LEFT_OUT.split(), LEFT_OUT), "call_cost": _COST, **RESULT})
# In the result, in words that the rules of what is personal know, and so nowhere else.
IN_RESULT = frozenset(
    {
        "from_number", "to_number", "transfer_destination", "call_analysis", "transcript", "transcript_object",
        "transcript_with_tool_calls", "scrubbed_transcript_with_tool_calls",
    }
)  # fmt: skip
