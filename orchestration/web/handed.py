"""What a client is handed in the agency's name: a statement as a PDF, and the logo and colour of its pages."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.reports import pdf
from orchestration.web.auth import Visitor, for_roles, readers
from orchestration.web.server.turns import DOWNLOAD
from orchestration.web.statements import path_period
from warehouse.statements import issuing

_KINDS = {"png": "image/png", "svg": "image/svg+xml"}


@for_roles("finance", "tenant", kind=DOWNLOAD)
def statement_pdf(request: Request, visitor: Visitor) -> Response:
    """An approved statement as it was issued; a tenant its own."""
    tenant, start = path_period(request)
    if visitor.person.tenant_id not in (None, tenant):
        raise HTTPException(404)
    with readers(request).operator() as connection:
        issued = issuing.issued(connection, tenant, start)
    if issued is None:
        raise HTTPException(404, "This statement is not approved yet: there is nothing to hand out.")
    name = issued["number"] + (f"-{issued['revision']}" if issued["revision"] > 1 else "") + ".pdf"
    return Response(
        pdf.of_issued(issued),
        media_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@for_roles("tenant")
def logo(request: Request, visitor: Visitor) -> Response:
    """The logo of the tenant's pages."""
    with readers(request).door() as connection:
        found = issuing.logo_of(connection, visitor.person.tenant_id or "")
    if found is None:
        raise HTTPException(404)
    return Response(found[0], media_type=_KINDS[found[1]])


@for_roles("tenant")
def colours(_: Request, visitor: Visitor) -> Response:
    """The accent of the tenant's pages, in the light alone: what is read on white is not read on black."""
    accent = visitor.brand["accent"] if visitor.brand else None
    rules = f":root {{ --accent: {accent}; --accent-ink: #ffffff; }}" if accent else ""
    return Response(f"@media (prefers-color-scheme: light) {{ {rules} }}\n", media_type="text/css")
