"""What of a line of Anthropic's cost report is stored, and of its usage report where the cost report is silent."""

from sources.bills import fields_of_lines

LINE, FACTS = fields_of_lines(
    "currency amount workspace_id description cost_type model service_tier context_window token_type inference_geo"
    " uncached_input_tokens cache_read_input_tokens output_tokens",
    cache_creation="ephemeral_1h_input_tokens ephemeral_5m_input_tokens",
    server_tool_use="web_search_requests",
)
