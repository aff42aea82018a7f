"""Vapi calls with the keys, the components and the digits of real ones."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

NEVER_CONNECTED = "call.in-progress.error-sip-outbound-call-failed-to-connect"
REASONS = ("customer-ended-call",) * 6 + ("assistant-ended-call",) * 3 + ("silence-timed-out",) * 2


@dataclass(frozen=True)
class CallSpec:
    """What is true of a call. `seconds` is None if it never connected; `costs` are the items as Vapi tells them,
    type first.
    """

    call_id: str
    created_at: datetime
    ring: float
    seconds: Decimal | None
    reason: str
    assistant_id: str
    phone_number_id: str
    costs: tuple[tuple[str, float], ...]
    tenant_id: str | None

    @property
    def minutes(self) -> int:
        """Started minutes."""
        return 0 if self.seconds is None else -(-int(self.seconds * 1000) // 60_000)

    @property
    def exact_cost(self) -> Decimal:
        return sum((Decimal(repr(cost)) for _, cost in self.costs), Decimal(0))


def uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def usual_costs(random: Random, seconds: Decimal) -> tuple[tuple[str, float], ...]:
    """Float arithmetic on purpose: that is where the providers' long digits come from."""
    minutes = float(seconds) / 60
    prompt = random.randint(2000, 90000)
    return (
        ("transcriber", (minutes + random.random() * 0.044) * 0.0097945),
        ("model", prompt * 0.15e-6 + random.randint(20, 500) * 0.6e-6),
        ("voice", random.randint(50, 1500) * 5e-05),
        ("vapi", round(minutes, 4) * 0.05),
        ("voicemail-detection", random.randint(0, 8000) * 7.5e-08),
        ("knowledge-base", 0),
        ("analysis", random.randint(300, 900) * 6e-07),
        ("analysis", random.randint(1000, 4000) * 3e-07),
        ("analysis", random.randint(5000, 9000) * 2e-06),
    )


def exact_costs(seconds: Decimal, per_minute: Decimal) -> tuple[tuple[str, float], ...]:
    """Items that add up to `per_minute` exactly, split as a real call's are."""
    minutes = seconds / 60
    shares = {
        "transcriber": per_minute - Decimal("0.09"),
        "model": Decimal("0.02"),
        "voice": Decimal("0.02"),
        "vapi": Decimal("0.05"),
    }
    return tuple((kind, float(share * minutes)) for kind, share in shares.items())


def instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def render(spec: CallSpec, org_id: str) -> dict[str, Any]:
    """The call as `GET /call` gives it: the keys of a connected one, or of one that never connected."""
    random = Random(spec.call_id)
    call_sid, sbc_id = uuid(random), uuid(random)
    call: dict[str, Any] = {
        "id": spec.call_id,
        "assistantId": spec.assistant_id,
        "phoneNumberId": spec.phone_number_id,
        "type": "inboundPhoneCall" if random.random() < 0.3 else "outboundPhoneCall",
        "createdAt": instant(spec.created_at),
        "updatedAt": instant(spec.created_at + timedelta(seconds=9.261)),
        "orgId": org_id,
        "cost": round(sum(cost for _, cost in spec.costs), 4),
        "customer": {"number": f"+1555010{random.randint(0, 9999):04d}"},
        "status": "ended",
        "endedReason": spec.reason,
        "phoneCallProvider": "vapi",
        "phoneCallProviderId": call_sid,
        "phoneCallTransport": "pstn",
        "phoneCallProviderDetails": {"sbcCallId": sbc_id},
        "assistantOverrides": {},
        "monitor": {
            "listenUrl": f"wss://example.invalid/{call_sid}",
            "controlUrl": f"https://example.invalid/{sbc_id}",
        },
        "transport": {"callSid": call_sid, "provider": "vapi.sip", "sbcCallSid": sbc_id, "conversationType": "voice"},
    }
    if spec.seconds is None:
        call["phoneCallProviderDetails"] |= {"sipReason": "Temporarily unavailable", "sipStatus": 480}
        return call
    started = spec.created_at + timedelta(seconds=spec.ring)
    ended = started + timedelta(milliseconds=int(spec.seconds * 1000))
    call |= {"startedAt": instant(started), "endedAt": instant(ended)}
    call["updatedAt"] = instant(ended + timedelta(seconds=3.4 + random.random() * 3.6))
    return call | money(spec, random) | conversation(call_sid)


def money(spec: CallSpec, random: Random) -> dict[str, Any]:
    assert spec.seconds is not None
    minutes = float(spec.seconds) / 60
    tokens = {"promptTokens": random.randint(2000, 90000), "completionTokens": random.randint(20, 500)}
    details: dict[str, list[dict[str, Any]]] = {
        "transcriber": [{"minutes": minutes + 0.0423, "transcriber": {"model": "nova-2", "provider": "deepgram"}}],
        "model": [{"model": {"model": "gpt-4o-mini", "provider": "openai"}, **tokens, "cachedPromptTokens": 1024}],
        "voice": [
            {"voice": {"model": "eleven_turbo_v2_5", "voiceId": "sandbox", "provider": "11labs"}, "characters": 798}
        ],
        "vapi": [{"minutes": round(minutes, 4), "subType": "normal"}],
        "voicemail-detection": [
            {
                "model": {"model": "gemini-2.5-flash", "provider": "google"},
                "provider": "google",
                **dict.fromkeys(
                    ("promptTextTokens", "promptAudioTokens", "completionTextTokens", "completionAudioTokens"), 0
                ),
            }
        ],
        "knowledge-base": [
            {"model": {"model": "gemini-2.0-flash", "provider": "google"}, "promptTokens": 0, "completionTokens": 0}
        ],
        "analysis": [
            {"model": {"model": "gemini-2.5-flash", "provider": "google"}, "analysisType": kind, **tokens}
            for kind in ("summary", "successEvaluation", "structuredOutput")
        ],
    }
    items = [{"cost": cost, "type": kind, **details[kind].pop(0)} for kind, cost in spec.costs]
    by_type = {kind: round(sum(cost for name, cost in spec.costs if name == kind), 4) for kind, _ in spec.costs}
    analysis = ("summary", "structuredData", "structuredOutput", "successEvaluation")
    counted = ("PromptTokens", "CompletionTokens", "CachedPromptTokens")
    breakdown = {
        "transport": 0,
        "stt": by_type.get("transcriber", 0),
        "llm": by_type.get("model", 0),
        "tts": by_type.get("voice", 0),
        "vapi": by_type.get("vapi", 0),
        "chat": 0,
        "total": round(sum(cost for _, cost in spec.costs), 4),
        "llmPromptTokens": tokens["promptTokens"],
        "llmCompletionTokens": tokens["completionTokens"],
        "llmCachedPromptTokens": 1024,
        "ttsCharacters": 798,
        "analysisCostBreakdown": {
            **dict.fromkeys(analysis, 0),
            **{f"{kind}{count}": 0 for kind in analysis for count in counted},
        },
        "knowledgeBaseCost": 0,
        "voicemailDetectionCost": by_type.get("voicemail-detection", 0),
    }
    return {"costs": items, "costBreakdown": breakdown}


def conversation(call_sid: str) -> dict[str, Any]:
    """What was said: personal, most of a real answer's bytes, and never to be seen where a tenant does not keep it."""
    said, summary = f"AI: spoken words of {call_sid}\nUser: spoken answer\n", f"spoken summary of {call_sid}"
    mono, stereo = (
        f"https://storage.example.invalid/{call_sid}-mono.wav",
        f"https://storage.example.invalid/{call_sid}-stereo.wav",
    )
    recording = {"stereoUrl": stereo, "mono": {"combinedUrl": mono, "assistantUrl": mono, "customerUrl": mono}}
    artifact = {
        "recordingUrl": mono,
        "stereoRecordingUrl": stereo,
        "recording": recording,
        "messages": [],
        "messagesOpenAIFormatted": [],
        "transcript": said,
        "pcapUrl": f"https://storage.example.invalid/{call_sid}.pcap",
        "logUrl": f"https://storage.example.invalid/{call_sid}.jsonl.gz",
        "nodes": [],
        "transfers": [],
    }
    return {
        "transcript": said,
        "recordingUrl": mono,
        "stereoRecordingUrl": stereo,
        "summary": summary,
        "messages": [],
        "analysis": {"summary": summary, "successEvaluation": "true"},
        "artifact": artifact,
    }


def invent(
    random: Random, created_at: datetime, assistant_id: str, phone_number_id: str, tenant_id: str | None
) -> CallSpec:
    """A usual call: about one in eight never connects; the others last seconds to minutes, to the millisecond."""
    call_id = uuid(random)
    if random.random() < 0.12:
        return CallSpec(call_id, created_at, 0, None, NEVER_CONNECTED, assistant_id, phone_number_id, (), tenant_id)
    seconds = Decimal(min(600_000, max(900, int(random.lognormvariate(11.2, 0.9))))) / 1000
    ring = round(random.uniform(0.2, 29), 3)
    costs = usual_costs(random, seconds)
    return CallSpec(
        call_id, created_at, ring, seconds, random.choice(REASONS), assistant_id, phone_number_id, costs, tenant_id
    )
