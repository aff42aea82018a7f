"""What of a row of OpenRouter's activity is stored."""

from sources.bills import fields_of_lines

LINE, FACTS = fields_of_lines(
    "date model model_permaslug endpoint_id provider_name usage byok_usage_inference requests prompt_tokens"
    " completion_tokens reasoning_tokens cached_tokens workspace_id"
)
