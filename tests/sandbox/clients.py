"""The people and agreements of the story, as plain data: what an operator would enter."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Meter:
    meter_id: str
    name: str
    unit: str
    source: str
    increment_seconds: int | None = None
    minimum_seconds: int | None = None
    item: str | None = None


@dataclass(frozen=True)
class Plan:
    """`allowances` and `unit_prices` by meter id; a price is per unit of overage."""

    plan_id: str
    name: str
    subscription_fee: Decimal
    setup_fee: Decimal
    voice_meter_id: str | None
    allowances: dict[str, int]
    unit_prices: dict[str, Decimal]


@dataclass(frozen=True)
class Tenant:
    """`attachments` are (kind, value) of its one agent; `vapi_key` is its own account's, None where it shares the
    platform's.
    """

    tenant_id: str
    name: str
    plan_id: str
    agent_id: str
    attachments: tuple[tuple[str, str], ...] = ()
    vapi_key: str | None = None
    voiceflow_key: str | None = None
    voiceflow_project: str | None = None


@dataclass(frozen=True)
class FixedCost:
    fixed_cost_id: str
    name: str
    monthly_amount: Decimal


VOICE, CHAT, SCANS, LOOKUPS = "voice_minutes", "chat_interactions", "document_scans", "directory_lookups"
CURRENCY = "USD"

METERS = (
    Meter(VOICE, "Call minutes", "started minute", "vapi", increment_seconds=60, minimum_seconds=0),
    Meter(CHAT, "Chat interactions", "interaction", "voiceflow", item="interactions"),
    Meter(SCANS, "Document scans", "scan", "usage_metrics", item="ocr_scan"),
    Meter(LOOKUPS, "Directory lookups", "lookup", "usage_metrics", item="directory_lookup"),
)
PLANS = (
    Plan("voice", "Voice", Decimal(149), Decimal(99), VOICE, {VOICE: 600}, {VOICE: Decimal("0.12")}),
    Plan("voice-shared", "Voice, shared line", Decimal(89), Decimal(0), VOICE, {VOICE: 300}, {VOICE: Decimal("0.145")}),
    Plan("chat", "Chat", Decimal(79), Decimal(0), None, {CHAT: 5000}, {CHAT: Decimal("0.0125")}),
    Plan(
        "office", "Office", Decimal(249), Decimal(0), VOICE,
        {VOICE: 400, SCANS: 10, LOOKUPS: 100}, {VOICE: Decimal("0.25"), SCANS: Decimal("0.15"), LOOKUPS: Decimal(0)},
    ),
)  # fmt: skip

PLATFORM_VAPI_KEY = "sandbox-vapi-platform-5f0c"
NOBODYS_NUMBER, NOBODYS_ASSISTANT = "b7de0000-0000-4000-8000-000000000009", "a5510000-0000-4000-8000-000000000009"
FORGOTTEN_AGENT = "agent-left-behind"

HARBOR = Tenant(
    "harbor-dental", "Harbor Dental", "voice", "harbor-reception",
    (("vapi_assistant", "a5510000-0000-4000-8000-000000000001"),), vapi_key="sandbox-vapi-harbor-19d2",
)  # fmt: skip
LUMEN = Tenant(
    "lumen-solar", "Lumen Solar", "voice", "lumen-sales",
    (("vapi_assistant", "a5510000-0000-4000-8000-000000000002"),), vapi_key="sandbox-vapi-lumen-revoked-7a44",
)  # fmt: skip
FERN = Tenant(
    "fern-books", "Fern Books", "chat", "fern-librarian",
    voiceflow_key="VF.DM.sandbox-fern-8e31", voiceflow_project="62912f08e83f76001b2186aa",
)  # fmt: skip
ATLAS = Tenant(
    "atlas-motors", "Atlas Motors", "voice-shared", "atlas-service",
    (("vapi_phone_number", "b7de0000-0000-4000-8000-000000000003"),),
)  # fmt: skip
BIRCH = Tenant(
    "birch-clinic", "Birch Clinic", "voice-shared", "birch-desk",
    (("vapi_assistant", "a5510000-0000-4000-8000-000000000004"),),
)  # fmt: skip
CORNER = Tenant(
    "corner-office", "Corner Office", "office", "corner-assistant",
    (("vapi_phone_number", "b7de0000-0000-4000-8000-000000000005"), ("usage_agent", "agent-corner-office")),
)  # fmt: skip
TENANTS = (HARBOR, LUMEN, FERN, ATLAS, BIRCH, CORNER)

# Six tenants share it equally: 25 each, the published example's share.
FIXED_COSTS = (FixedCost("support-desk", "Support desk", Decimal(150)),)
