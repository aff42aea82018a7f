"""What leaves the pages as files: every table a person may read as CSV and JSON, and finance's pack."""

import tempfile
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from orchestration.marts import building
from orchestration.reports import writing
from orchestration.reports.tables import FORMATS, TableUnknown, find_table, rendered, tables
from orchestration.web.access.auth import Visitor, for_roles, marts, readers, spools
from orchestration.web.finance.month import path_period
from orchestration.web.rendering import render
from orchestration.web.server.spooling import SpoolResponse
from orchestration.web.server.turns import DOWNLOAD
from warehouse.statements.periods import Month


@for_roles("finance", "operator", "tenant")
def show_tables(request: Request, visitor: Visitor) -> Response:
    """The tables this person may read, with links to take them along, whole or the days chosen; of one its columns."""
    days = {name: day for name in ("from", "to") if (day := asked_day(request, name))}
    with marts(request, visitor) as connection:
        found = tables(connection)
    return render(
        "tables.html",
        title="Tables",
        visitor=visitor,
        tables=found,
        formats=FORMATS,
        days=days,
        query=urlencode(days),
        opened=request.query_params.get("of", ""),
        has_models=visitor.person.role != "tenant" and _models(request).exists(),
    )


@for_roles("finance", "operator")
def models(request: Request, visitor: Visitor) -> Response:
    """dbt's documentation of all models, to be opened from the disk: it runs scripts, and no page of ours does."""
    if not _models(request).exists():
        raise HTTPException(404, "The models are described once Dagster has loaded them, as `minutebook up` does.")
    return FileResponse(_models(request), media_type="text/html", filename="minutebook-models.html")


@for_roles("finance", "operator", "tenant", kind=DOWNLOAD)
def table(request: Request, visitor: Visitor) -> Response:
    """A whole table, or the days from `from` to `to` (both included) of one that has days."""
    name, kind = request.path_params["table"], request.path_params["format"]
    first_day, last_day = asked_day(request, "from"), asked_day(request, "to")
    if kind not in FORMATS:
        raise HTTPException(404, f"Tables are written as {' or '.join(FORMATS)}.")
    with spools(request).filling(visitor.person.login_id) as spool:
        with marts(request, visitor, DOWNLOAD) as connection:
            try:
                found = find_table(connection, name)
            except TableUnknown as error:
                raise HTTPException(404, str(error)) from None
            if (first_day or last_day) and not found.day_column:
                raise HTTPException(400, f"{name} has no days to choose from.")
            for piece in rendered(connection, found, kind, first_day, last_day):
                spool.write(piece.encode())
        return SpoolResponse(spool, FORMATS[kind], f"{found.name}.{kind}")


@for_roles("finance", kind=DOWNLOAD)
def month_pack(request: Request, visitor: Visitor) -> Response:
    """The pack of all periods that start in a month, zipped."""
    try:
        month = Month.parse(request.path_params["month"])
    except ValueError:
        raise HTTPException(404, "A month is written YYYY-MM.") from None
    return _zipped(request, visitor, month, None)


@for_roles("finance", kind=DOWNLOAD)
def period_pack(request: Request, visitor: Visitor) -> Response:
    """The pack of one tenant's period, zipped."""
    tenant, start = path_period(request)
    return _zipped(request, visitor, Month.parse(f"{start:%Y-%m}"), [tenant])


def _zipped(request: Request, visitor: Visitor, month: Month, tenant_ids: list[str] | None) -> Response:
    login_id = visitor.person.login_id
    name = f"minutebook-{month}" + (f"-{tenant_ids[0]}" if tenant_ids else "")
    with (
        spools(request).filling(login_id) as spool,
        tempfile.TemporaryDirectory(prefix="minutebook-pack-") as folder,
    ):
        try:
            with readers(request).operator(login_id, DOWNLOAD) as connection:
                writing.write(connection, month, Path(folder) / name, tenant_ids=tenant_ids)
        except writing.NothingToPack as error:
            raise HTTPException(404, str(error)) from None
        with writing.zipped(Path(folder) / name).open("rb") as archive:
            while chunk := archive.read(2**20):
                spool.write(chunk)
        return SpoolResponse(spool, "application/zip", f"{name}.zip")


def asked_day(request: Request, name: str) -> date | None:
    """A day of the address's query; None where there is none. Raises HTTPException 400."""
    asked = request.query_params.get(name)
    try:
        return date.fromisoformat(asked) if asked else None
    except ValueError:
        raise HTTPException(400, "A day is written YYYY-MM-DD.") from None


def _models(request: Request) -> Path:
    return building.documentation(request.app.state.settings.home)
