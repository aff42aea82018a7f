"""A call's recording: our link asks its provider for one that is good for minutes, and leads there.

Nothing of a recording is stored or passed through us. Who asked is in the audit log before the provider is asked.
"""

from contextlib import closing
from datetime import date, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.ingestion.reading import access_of
from orchestration.web.access.auth import Visitor, for_roles, marts, readers
from orchestration.web.calls.listing import known_tenant, path_key, path_tenant
from sources.day import PLATFORM
from sources.errors import SourceFailure
from sources.registry import all_sources
from sources.source import Source
from warehouse.calls import call_results
from warehouse.calls.call_filters import Key
from warehouse.database.errors import VaultError
from warehouse.privacy import personal
from warehouse.words import counted


@for_roles("operator", "tenant")
def open_recording(request: Request, visitor: Visitor) -> Response:
    """Lead to the recording of one call, where its tenant keeps recordings and its provider has it still."""
    tenant, key = path_tenant(request, visitor), path_key(request)
    with marts(request, visitor) as connection:
        known_tenant(connection, tenant)
        result = call_results.find(connection, tenant, key)
    source = all_sources().get(key[1])
    if result is None or not result.has_recording or source is None or source.recording is None:
        raise HTTPException(404, "No recording of this call is known.")
    address = _asked(request, visitor, tenant, key, source)
    if address is None:
        raise HTTPException(410, _gone(source, key[0], request.app.state.today()))
    return RedirectResponse(address, 302)


def _asked(request: Request, visitor: Visitor, tenant: str, key: Key, source: Source) -> str | None:
    """Its address at the provider; None where it is there no more. Raises HTTPException 404 where the tenant's choice
    forbids it, 502 where the provider cannot be asked.
    """
    try:
        with readers(request).operator(visitor.person.login_id) as connection:
            if personal.kept(connection, tenant).recordings != "kept":
                raise HTTPException(404, "Recordings of this tenant’s calls are not kept.")
            account = call_results.listen(connection, tenant, key)
            if account is None:
                raise HTTPException(404, "There is no such call.")
            owner = None if account == PLATFORM else account
            settings = request.app.state.settings
            credential = settings.vault().secret(connection, owner, source.provider)
        # No connection is held, and the use is written down, when the provider is asked.
        with closing(source.connect(access_of(source, settings, credential))) as client:
            return source.recording(client, key[2]) if source.recording else None
    except (SourceFailure, VaultError):
        raise HTTPException(502, "Its provider could not be asked for the recording. Try again later.") from None


def _gone(source: Source, usage_date: date, today: date) -> str:
    days = source.horizon_days
    if days is not None and today - usage_date > timedelta(days=days):
        return f"The recording is past the {counted(days, 'day')} for which its provider keeps one, and is gone there."
    return "Its provider has the recording no more."
