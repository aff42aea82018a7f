"""What a client is handed in the agency's name: a statement as a PDF, and the logo and colour of its pages."""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.reports import pdf
from orchestration.web.access.auth import Visitor, brand_of_strangers, client_of, for_roles, readers, turns, visitor_of
from orchestration.web.finance.month import path_period
from orchestration.web.server.turns import DOOR, DOWNLOAD
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


async def logo(request: Request) -> Response:
    """The logo of a tenant's pages, or of the deployment for who has not signed in."""
    visitor = await visitor_of(request)
    async with turns(request).turn(DOOR, client_of(request)):
        found = await run_in_threadpool(_logo, request, visitor)
    if found is None:
        raise HTTPException(404)
    return Response(found[0], media_type=_KINDS[found[1]])


def _logo(request: Request, visitor: Visitor | None) -> tuple[bytes, str] | None:
    brand = None if visitor else brand_of_strangers(request)
    tenant = visitor.person.tenant_id if visitor else brand["tenant_id"] if brand else None
    with readers(request).door() as connection:
        return issuing.logo_of(connection, tenant)


async def colours(request: Request) -> Response:
    """The accent of a tenant's pages, or of the deployment for who has not signed in; in the light alone: what is read
    on white is not read on black."""
    visitor = await visitor_of(request)
    async with turns(request).turn(DOOR, client_of(request)):
        brand = visitor.brand if visitor else await run_in_threadpool(brand_of_strangers, request)
    accent = brand["accent"] if brand else None
    rules = f":root {{ --accent: {accent}; --accent-ink: #ffffff; }}" if accent else ""
    return Response(f"@media (prefers-color-scheme: light) {{ {rules} }}\n", media_type="text/css")
