"""Which service a usage category is of. The set of categories is open; what begins with none of these is `other`."""

_OF_PREFIX = {
    "telephony": "calls phonenumbers recordings recordingstorage trunking sip answering-machine pstn conference"
    " callprogess callrecording call-recording media-streams voice-insights programmablevoice siprec wireless-usage",
    "sms": "sms mms shortcodes channels a2p failed-message messages messaging carrier",
    "stt": "transcriptions speech-recognition virtual-agent voice-intelligence",
    "tts": "amazon-polly google-tts tts",
    "platform": "support premiumsupport monitor studio taskrouter lookups verify authy",
}


def service_of(category: str) -> str:
    """The service of a category, by the beginning of its name."""
    for service, prefixes in _OF_PREFIX.items():
        if category.startswith(tuple(prefixes.split())):
            return service
    return "other"
