"""Which service a line item of Deepgram is of. The set is open; what holds none of these words is `other`."""

_OF_WORD = {
    "agent": "platform", "aura": "tts", "speak": "tts", "nova": "stt", "flux": "stt", "whisper": "stt",
    "enhanced": "stt", "base": "stt", "listen": "stt", "streaming": "stt", "sync": "stt", "summar": "llm",
    "intent": "llm", "sentiment": "llm", "topic": "llm",
}  # fmt: skip


def service_of(line_item: str) -> str:
    """The service of a line item, by the first word of the list that is in it: an agent's before a model's."""
    name = line_item.casefold()
    return next((service for word, service in _OF_WORD.items() if word in name), "other")
