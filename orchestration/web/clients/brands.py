"""The brands: in whose name clients are handed their statements and see their pages, the deployment's and tenants'."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration import branding
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form, file_of
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from warehouse.control import tenants
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Row
from warehouse.statements import issuing
from warehouse.statements.issuing import Brand

PAGE_ROWS = 100


@for_roles("finance", "operator")
def show_brands(request: Request, visitor: Visitor) -> Response:
    """All brands, the deployment's first, and the form of one: of the tenant in the address, else the deployment's."""
    return _shown(request, visitor)


@form_for_roles("finance", "operator")
def set_brand(request: Request, visitor: Visitor, form: Form) -> Response:
    """Set a brand whole; without a file it keeps its logo. A refusal says why, beside what was filled in."""
    said = {name: value.strip().replace("\r\n", "\n") for name, value in form.items()}
    brand = Brand(
        said.get("tenant") or None,
        said.get("name", ""),
        said.get("accent", "").lower(),
        file_of(request, "logo"),
        said.get("address", ""),
        said.get("note", ""),
        said.get("number_prefix", ""),
        bool(said.get("is_tax_invoice")),
        said.get("host", "").lower() or None,
        said.get("mail_from") or None,
    )
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            branding.set_brand(connection, brand)
    except WarehouseError as error:
        return _shown(request, visitor, str(error), form)
    return RedirectResponse("/brands", 303)


def _shown(request: Request, visitor: Visitor, fault: str = "", form: Form | None = None) -> Response:
    words = request.query_params.get("q", "").strip().lower()
    whose = (form or request.query_params).get("tenant", "").strip() or None
    with readers(request).operator() as connection:
        known = issuing.brands(connection)
        names = tenants.names(connection)
    held = next((row for row in known if row["tenant_id"] == whose), None)
    found = [row for row in known if words in (row["tenant_id"] or "") or words in row["name"].lower()]
    paging = Paging(request, len(found), PAGE_ROWS)
    with readers(request).operator() as connection:
        named = tenants.named(connection, (row["tenant_id"] for row in found[paging.start : paging.end]))
    return render(
        "brands.html",
        status=409 if fault else 200,
        title="Brands",
        visitor=visitor,
        rows=found[paging.start : paging.end],
        paging=paging,
        words=words,
        is_any=bool(known),
        whose=whose,
        held=held,
        filled=form if form is not None else _as_form(held, whose),
        tenants=names,
        named=named,
        fault=fault,
        hosts=request.app.state.settings.hosts,
        has_mail=request.app.state.settings.mailer is not None,
    )


def _as_form(held: Row | None, whose: str | None) -> Form:
    """What the form is filled in with before anybody changes it."""
    if held is None:
        return {"tenant": whose or "", "accent": Brand.accent}
    return {name: str(value or "") for name, value in held.items() if name != "is_tax_invoice"} | (
        {"is_tax_invoice": "on"} if held["is_tax_invoice"] else {}
    )
