"""What leaves the pages as files: every table a person may read as CSV and JSON, and finance's pack."""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from urllib.parse import urlencode

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from orchestration.pack import writing
from orchestration.pack.tables import FORMATS, Table, TableUnknown, find_table, rendered, tables
from orchestration.pages.door import Visitor, for_roles, readers
from orchestration.pages.periods import path_period
from orchestration.pages.readers import Connection
from orchestration.pages.rendering import render
from warehouse.periods import Month


@for_roles("finance", "operator", "tenant")
def show_tables(request: Request, visitor: Visitor) -> Response:
    """The tables this person may read, with links to take them along, whole or the days chosen."""
    days = {name: day for name in ("from", "to") if (day := _day(request, name))}
    with _reader(request, visitor) as connection:
        found = tables(connection)
    return render(
        "tables.html", title="Tables", visitor=visitor, tables=found, formats=FORMATS, days=days, query=urlencode(days)
    )


@for_roles("finance", "operator", "tenant")
def table(request: Request, visitor: Visitor) -> Response:
    """A whole table, or the days from `from` to `to` (both included) of one that has days."""
    name, kind = request.path_params["table"], request.path_params["format"]
    first_day, last_day = _day(request, "from"), _day(request, "to")
    if kind not in FORMATS:
        raise HTTPException(404, f"Tables are written as {' or '.join(FORMATS)}.")
    # The connection outlives this call: rows are sent as they are read.
    lent = _reader(request, visitor)
    connection = lent.__enter__()
    try:
        found = find_table(connection, name)
        if (first_day or last_day) and not found.day_column:
            raise HTTPException(400, f"{name} has no days to choose from.")
    except BaseException as error:
        lent.__exit__(type(error), error, error.__traceback__)
        if isinstance(error, TableUnknown):
            raise HTTPException(404, str(error)) from None
        raise
    return StreamingResponse(
        _sent(lent, connection, found, kind, first_day, last_day),
        media_type=FORMATS[kind],
        headers={"Content-Disposition": f'attachment; filename="{found.name}.{kind}"'},
    )


@for_roles("finance")
def month_pack(request: Request, visitor: Visitor) -> Response:
    """The pack of all periods that start in a month, zipped."""
    try:
        month = Month.parse(request.path_params["month"])
    except ValueError:
        raise HTTPException(404, "A month is written YYYY-MM.") from None
    return _zipped(request, visitor, month, None)


@for_roles("finance")
def period_pack(request: Request, visitor: Visitor) -> Response:
    """The pack of one tenant's period, zipped."""
    tenant, start = path_period(request)
    return _zipped(request, visitor, Month.parse(f"{start:%Y-%m}"), [tenant])


def _zipped(request: Request, visitor: Visitor, month: Month, tenant_ids: list[str] | None) -> Response:
    folder = tempfile.TemporaryDirectory(prefix="minutebook-pack-")
    name = f"minutebook-{month}" + (f"-{tenant_ids[0]}" if tenant_ids else "")
    try:
        with readers(request).operator(visitor.person.login_id) as connection:
            writing.write(connection, month, Path(folder.name) / name, tenant_ids=tenant_ids)
        path = writing.zipped(Path(folder.name) / name)
    except writing.NothingToPack as error:
        folder.cleanup()
        raise HTTPException(404, str(error)) from None
    return FileResponse(
        path, filename=path.name, media_type="application/zip", background=BackgroundTask(folder.cleanup)
    )


def _reader(request: Request, visitor: Visitor) -> AbstractContextManager[Connection]:
    tenant = visitor.person.tenant_id
    return readers(request).tenant(tenant) if tenant else readers(request).analyst()


def _sent(
    lent: AbstractContextManager[Connection],
    connection: Connection,
    found: Table,
    kind: str,
    first_day: date | None,
    last_day: date | None,
) -> Iterator[str]:
    try:
        yield from rendered(connection, found, kind, first_day, last_day)
    finally:
        lent.__exit__(None, None, None)


def _day(request: Request, name: str) -> date | None:
    asked = request.query_params.get(name)
    try:
        return date.fromisoformat(asked) if asked else None
    except ValueError:
        raise HTTPException(400, "A day is written YYYY-MM-DD.") from None
