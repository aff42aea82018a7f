"""What kind of service a meter of Azure is: by words of its name, since the set of names is open."""

_SERVICES = (
    ("tts", ("text to speech", "tts", "neural", "custom voice", "avatar")),
    ("stt", ("speech to text", "transcri", "whisper", "s2t", "stt")),
    (
        "llm",
        (
            "token",
            "gpt",
            "inp",
            "outp",
            "embedding",
            "o1",
            "o3",
            "o4",
            "llama",
            "mistral",
            "deepseek",
            "ptu",
            "provisioned",
        ),
    ),
)


def service_of(meter: str) -> str:
    """The service of a meter; other where no word of it is known."""
    name = meter.casefold()
    return next((service for service, words in _SERVICES if any(word in name for word in words)), "other")
