"""A tenant as a YAML file: what it may contain, read strictly, with no secret in it."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, StrictBool, StrictStr, ValidationError

from orchestration.cli.control.exact_yaml import Written, load
from sources.personal import Keep
from warehouse.control.costs import Allocation
from warehouse.control.plans import Aggregation
from warehouse.control.prices import Model

SHOWN_FAULTS = 5
SECRET_KEY = re.compile(r"(?:^|_)(?:credentials?|secrets?|passwords?|tokens?|api_?keys?|private_?keys?)$")


# By the beginning of what Pydantic calls a fault.
_WORDS = {
    "extra_forbidden": "this key is not known",
    "missing": "is missing",
    "string_type": "must be text; put it in quotes",
    "date_": "is no date; write YYYY-MM-DD",
    "decimal_": "is no number; write one such as 0.10",
    "int_": "is no whole number",
    "bool_": "is neither true nor false",
}


class FileInvalid(Exception):
    """The file is no tenant; the message names the place in it and never quotes a value."""


class Part(BaseModel):
    """A part of the file; a key it does not know is refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Version(Part):
    """A part that holds from a day on."""

    valid_from: date = Field(alias="from")


class PrivacyPart(Part):
    """What is stored of its calls' personal data; what is not named stays as it was."""

    phone_numbers: Keep | None = None
    transcripts: Keep | None = None
    recordings: Keep | None = None


class TenantPart(Part):
    """Whom we bill."""

    id: StrictStr
    name: StrictStr
    activated_on: date
    currency: StrictStr = "USD"
    anchor_day: int = 1
    stripe_customer_id: StrictStr | None = None
    privacy: PrivacyPart | None = None


class AttachmentPart(Version):
    """One provider's object, from a day up to, not including, another."""

    kind: StrictStr
    value: StrictStr
    until: date | None = None
    environment: StrictStr | None = None


class AgentPart(Part):
    """An agent and what belongs to it."""

    id: StrictStr
    name: StrictStr | None = None
    attachments: list[AttachmentPart] = []


class MeterPart(Part):
    """What is counted."""

    id: StrictStr
    name: StrictStr
    unit: StrictStr
    source: StrictStr
    increment_seconds: int | None = None
    minimum_seconds: int | None = None
    item: StrictStr | None = None
    filter: dict[StrictStr, list[StrictStr]] = {}
    aggregation: Aggregation = Aggregation.SUM
    stripe_event_name: StrictStr | None = None


class TermsPart(Version):
    """A version of a plan's terms."""

    subscription_fee: Decimal
    setup_fee: Decimal = Decimal(0)
    minimum: Decimal = Decimal(0)
    prorates_allowance: bool = False
    voice_meter: StrictStr | None = None
    credit_notes: StrictBool = False


class AllowancePart(Version):
    """A version of an included quantity."""

    meter: StrictStr
    quantity: int


class TierPart(Part):
    """One tier; without `up_to` it has no end."""

    up_to: int | None = None
    unit_amount: Decimal


class PricePart(Version):
    """A version of a price; the model `plan` ends a tenant's own."""

    meter: StrictStr
    model: Model = Model.PER_UNIT
    unit_amount: Decimal | None = None
    package_size: int | None = None
    tiers: list[TierPart] = []


class PlanPart(Part):
    """A plan with its timelines."""

    id: StrictStr
    name: StrictStr
    currency: StrictStr = "USD"
    terms: list[TermsPart] = []
    allowances: list[AllowancePart] = []
    prices: list[PricePart] = []


class TenantPlanPart(Version):
    """Which plan the tenant is on."""

    plan: StrictStr


class UnitCostPart(Version):
    """A version of what a unit costs us; rest: of calls of which a part is on another bill, the rest of a unit."""

    meter: StrictStr
    unit_cost: Decimal
    currency: StrictStr = "USD"
    rest: StrictBool = False


class CoveragePart(Version):
    """On whose bill a component of the tenant's calls is; without `by` on no other bill any more."""

    source: StrictStr
    component: StrictStr
    by: StrictStr | None = None
    own: StrictBool = False
    agent: StrictStr | None = None


class FixedCostPart(Version):
    """A version of a shared monthly cost."""

    id: StrictStr
    name: StrictStr
    monthly_amount: Decimal
    currency: StrictStr = "USD"
    allocation: Allocation = Allocation.EQUAL


class CreditPart(Version):
    """A credit; one that is in the file again is the same one."""

    amount: Decimal
    reason: StrictStr
    expires: date | None = None


class TenantFile(Part):
    """All that can be stated about a tenant, secrets excepted."""

    tenant: TenantPart
    meters: list[MeterPart] = []
    plans: list[PlanPart] = []
    tenant_plans: list[TenantPlanPart] = []
    prices: list[PricePart] = []
    unit_costs: list[UnitCostPart] = []
    fixed_costs: list[FixedCostPart] = []
    covered_costs: list[CoveragePart] = []
    credits: list[CreditPart] = []
    agents: list[AgentPart] = []
    feature_flags: dict[Annotated[str, Field(strict=True)], Any] = {}
    _path: Path | None = PrivateAttr(default=None)
    _written: Written | None = PrivateAttr(default=None)

    def place_of(self, *place: str | int) -> str:
        """Where a part stands, for an error about it: the key, and of what was read from a file its name and line."""
        return _dotted(place) if self._written is None else f"{self._path}, {_place(self._written, place)}"


def read(path: Path) -> TenantFile:
    """Read and check a file. Raises FileInvalid, which for a secret names the command that takes it."""
    try:
        written = load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise FileInvalid(f"{path} is not readable as YAML{where}: {getattr(error, 'problem', error)}") from None
    content = written.content
    if not isinstance(content, dict):
        raise FileInvalid(f"{path} is empty or no mapping; start from docs/examples/onboard-a-tenant.yaml")
    named = content.get("tenant")
    slug = named.get("id") if isinstance(named, dict) else "TENANT"
    for place in _secret_places({key: part for key, part in content.items() if key != "feature_flags"}):
        raise FileInvalid(
            f"{path} has '{_dotted(place)}' at line {written.line_of(place)}: secrets do not belong in a file; "
            f"remove it and run: minutebook credential set PROVIDER --tenant {slug}"
        )
    try:
        file = TenantFile.model_validate(content)
    except ValidationError as error:
        faults = [f"{_place(written, fault['loc'])}: {_words(fault)}" for fault in error.errors(include_url=False)]
        left = len(faults) - SHOWN_FAULTS
        shown = faults[:SHOWN_FAULTS] + ([f"and {left} more"] if left > 0 else [])
        raise FileInvalid(f"{path} is refused: {'; '.join(shown)}") from None
    file._path, file._written = path, written
    return file


def _place(written: Written, place: tuple[str | int, ...]) -> str:
    return f"line {written.line_of(place)}, {_dotted(place)}"


def _dotted(place: tuple[str | int, ...]) -> str:
    return ".".join(map(str, place))


def _secret_places(content: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(content, dict):
        parts = content.items()
        for key in content:
            if isinstance(key, str) and SECRET_KEY.search(key.lower().replace("-", "_")):
                yield (*place, key)
    elif isinstance(content, list):
        parts = enumerate(content)
    for key, part in parts:
        yield from _secret_places(part, (*place, key))


def _words(fault: Any) -> str:
    kind = str(fault["type"])
    for family, words in _WORDS.items():
        if kind.startswith(family):
            return words
    return str(fault["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
