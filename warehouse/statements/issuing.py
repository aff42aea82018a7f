"""What clients are handed: a statement's number, given once, and what is on it, in whose name.

Owns `control.brands` and `ledger.issued_statements`. An approval issues a revision; its content never changes.
"""

import re
from dataclasses import asdict, dataclass
from datetime import date

from warehouse.control.errors import Refused
from warehouse.control.tenants import require_tenant
from warehouse.database.queries import Connection, Row, execute, first, rows, typed

FILE = "statements/issuing"
LARGEST_LOGO_BYTES = 65_536
# WCAG: text of normal size, here white on the colour.
LEAST_CONTRAST = 4.5
LONGEST = {"name": 120, "address": 500, "note": 500, "host": 253}
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PNG, _SVG = b"\x89PNG\r\n\x1a\n", re.compile(rb"\A\s*(?:<\?xml[^>]*>\s*)?<svg\b")


@dataclass(frozen=True)
class Brand:
    """In whose name statements are handed out. tenant_id None: of the deployment. accent: #rrggbb. host: the name at
    which its people reach the pages. mail_from: who its mails are from."""

    tenant_id: str | None
    name: str
    accent: str = "#1f5f66"
    logo: bytes | None = None
    address: str = ""
    note: str = ""
    number_prefix: str = ""
    is_tax_invoice: bool = False
    host: str | None = None
    mail_from: str | None = None


@dataclass(frozen=True)
class Sender:
    """In whose name somebody is sent mail, at which name they reach the pages, and from which address, where these are
    not the deployment's own."""

    name: str | None
    host: str | None
    mail_from: str | None


def put_brand(connection: Connection, brand: Brand) -> None:
    """Set a brand whole; without a logo it keeps the one it has.

    Raises Refused for a name that is empty, a text that is too long, a colour that white text is not read on, a logo
    that is no PNG or SVG or too large, and for a host that is none or another brand's.
    """
    if brand.tenant_id is not None:
        require_tenant(connection, brand.tenant_id)
    for what, longest in LONGEST.items():
        if len(getattr(brand, what) or "") > longest:
            raise Refused(f"a brand's {what} has at most {longest} characters")
    if not brand.name.strip():
        raise Refused("a brand needs a name")
    if not re.fullmatch("#[0-9a-f]{6}", brand.accent):
        raise Refused(f"'{brand.accent}' is no colour; write six hexadecimal digits such as #1f5f66")
    if contrast_with_white(brand.accent) < LEAST_CONTRAST:
        raise Refused(f"white text is not read on {brand.accent}: choose a darker colour")
    if not re.fullmatch("[A-Za-z0-9-]{0,20}", brand.number_prefix):
        raise Refused("a number begins with up to 20 letters, digits and dashes")
    if brand.host is not None and not _HOST.fullmatch(brand.host):
        raise Refused(f"'{brand.host}' is no name of a host; write one such as bills.example.com, without a port")
    others = [row["tenant_id"] for row in at_the_door(connection) if row["host"] == brand.host is not None]
    if others and others != [brand.tenant_id]:
        raise Refused(f"{brand.host} is the name of {others[0] or 'the deployment'} already")
    kind = None if brand.logo is None else kind_of(brand.logo)
    execute(connection, FILE, "put_brand", **asdict(brand), logo_kind=kind)


def brands(connection: Connection, tenant_id: str | None = None, *, is_one: bool = False) -> list[Row]:
    """All brands, the deployment's first, without their logos; is_one: of this tenant (None: the deployment) alone."""
    return rows(connection, FILE, "brands", tenant_id=tenant_id, is_one=is_one)


def brand_of(connection: Connection, tenant_id: str | None) -> Row | None:
    """Name, accent and kind of logo that a tenant sees (None: the deployment's); None where none was set."""
    return first(connection, FILE, "brand", tenant_id=tenant_id)


def at_the_door(connection: Connection) -> list[Row]:
    """The deployment's brand and those that have a host: what who has not signed in may see."""
    return rows(connection, FILE, "brands_at_the_door")


def sender_for(connection: Connection, login_id: str) -> Sender:
    """In whose name this login's person is sent mail."""
    return typed(connection, Sender, FILE, "sender", login_id=login_id)[0]


def logo_of(connection: Connection, tenant_id: str | None) -> tuple[bytes, str] | None:
    """The logo that a tenant sees (None: the deployment's), and whether it is a png or an svg."""
    row = first(connection, FILE, "logo", tenant_id=tenant_id)
    return (row["logo"], row["logo_kind"]) if row and row["logo"] else None


def issue(connection: Connection, tenant_id: str, period_start: date, actor: str) -> Row:
    """Hand out an approved statement: its number and revision. Within the transaction that approves, under its lock."""
    issued = first(connection, FILE, "issue", tenant_id=tenant_id, period_start=period_start, actor=actor)
    assert issued is not None  # noqa: S101  called for a period that has just been approved
    return issued


def issued(connection: Connection, tenant_id: str, period_start: date) -> Row | None:
    """What was handed out of a statement that is approved: number, revision, and its content as JSON."""
    return first(connection, FILE, "issued", tenant_id=tenant_id, period_start=period_start)


def numbers(connection: Connection, tenant_id: str) -> dict[date, Row]:
    """Number and revision of a tenant's statements by the start of their period."""
    return {row["period_start"]: row for row in rows(connection, FILE, "numbers", tenant_id=tenant_id)}


def contrast_with_white(colour: str) -> float:
    """The contrast of white text on a colour #rrggbb, as WCAG 2.2 computes it: 1 to 21."""

    def linear(part: str) -> float:
        value = int(part, 16) / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(colour[start : start + 2]) for start in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def kind_of(logo: bytes) -> str:
    """png or svg. Raises Refused."""
    if len(logo) > LARGEST_LOGO_BYTES:
        raise Refused(f"a logo has at most {LARGEST_LOGO_BYTES // 1024} KB")
    if logo.startswith(_PNG):
        return "png"
    if _SVG.match(logo):
        return "svg"
    raise Refused("a logo is a PNG or an SVG")
