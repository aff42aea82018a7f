"""What of Twilio's answers is stored: what a price depends on, and who was on the line, as the tenant chose.

Left out for everybody: what was said or written, and links that lead to it.
"""

from sources.checks.allowed import LEFT_OUT, Allowed, Shape, fields

_DATES = "date_created date_updated"
_MONEY = "price price_unit"
_OF_RECORD = "account_sid category description count count_unit usage usage_unit start_date end_date as_of"
RECORD_FACTS = tuple(f"{_OF_RECORD} {_MONEY} leaves".split())
_LINKS: dict[str, Shape] = dict.fromkeys(["uri", "subresource_uris", "api_version", "media_url"], LEFT_OUT)
RECORD = Allowed({**fields(f"{_OF_RECORD} {_MONEY}"), "leaves": [fields("category price")], **_LINKS})

_OF_CALL = "direction start_time end_time duration parent_call_sid phone_number_sid answered_by queue_time trunk_sid"
_OF_MESSAGE = "date_sent num_segments num_media error_code messaging_service_sid"
_OF_RECORDING = "call_sid conference_sid recording_sid channels source type"
DETAIL_FACTS = tuple(f"sid account_sid status {_DATES} {_MONEY} {_OF_CALL} {_OF_MESSAGE} {_OF_RECORDING}".split())
_PARTIES = "from to forwarded_from caller_name"
_NEVER = "body transcription_text encryption_details from_formatted to_formatted annotation group_sid error_message"
DETAIL = Allowed(
    {
        **fields(" ".join(DETAIL_FACTS)),
        **fields(_PARTIES),
        **dict.fromkeys(_NEVER.split(), LEFT_OUT),
        **_LINKS,
    }
)
