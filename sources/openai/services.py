"""What kind of service a line item of OpenAI is: by words of its name, since the set of names is open."""

_SERVICES = (
    ("stt", ("whisper", "transcribe", "transcription")),
    ("tts", ("tts", "speech")),
    ("platform", ("web search", "file search", "code interpreter", "vector", "storage", "container", "session")),
    (
        "llm",
        (
            "gpt",
            "chatgpt",
            "o1",
            "o3",
            "o4",
            "davinci",
            "babbage",
            "embedding",
            "codex",
            "ft:",
            "token",
            "computer-use",
        ),
    ),
)


def service_of(line_item: str | None) -> str:
    """The service of a line item; other where no word of it is known."""
    name = (line_item or "").casefold()
    return next((service for service, words in _SERVICES if any(word in name for word in words)), "other")
