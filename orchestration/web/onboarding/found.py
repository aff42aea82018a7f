"""What a provider's account holds, with whose it is: numbers and assistants to be attached by a button each."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration.ingestion import discovering
from orchestration.ingestion.discovering import Found
from orchestration.web.access.auth import Visitor, for_roles, readers
from orchestration.web.onboarding.setting_up import first_billed, known, path_tenant
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from sources.errors import SourceFailure
from sources.registry import registry
from warehouse.control import agents, tenants
from warehouse.database.errors import VaultError

PAGE_ROWS = 50


@for_roles("operator", "finance")
def show_found(request: Request, visitor: Visitor) -> Response:
    """Ask the provider what its account holds: the tenant's own account, or the shared one where it has none."""
    tenant, provider = path_tenant(request), request.path_params["provider"]
    source = discovering.source_of(provider) if provider in registry().providers else None
    if source is None:
        raise HTTPException(404, "This provider does not say what its account holds.")
    words = request.query_params.get("q", "").strip().lower()
    settings = request.app.state.settings
    try:
        with readers(request).operator(visitor.person.login_id) as connection:
            who = known(connection, tenant)
            since = first_billed(connection, tenant)
            own = any(
                row["provider"] == provider for row in tenants.credentials(connection, tenant) if row["tenant_id"]
            )
            credential = settings.vault().secret(connection, tenant if own else None, provider)
            owned = sorted({row["agent_id"] for row in agents.agents(connection, tenant)})
        # No connection is held, and the use is written down, when the provider is asked.
        held = discovering.held_by(settings, source, credential)
        with readers(request).operator() as connection:
            owners = discovering.owners_of(connection, source)
    except VaultError:
        raise HTTPException(404, f"No key of {provider} is stored: store one first.") from None
    except SourceFailure as error:
        raise HTTPException(502, f"{provider} could not be asked what its account holds: {error}") from None
    found = [
        Found(one, owners.get((one.kind, one.value)), None, 0)
        for one in held
        if one.kind is not None and any(words in text.lower() for text in (one.value, one.name, one.label))
    ]
    # What is nobody's first, and of that what bears the tenant's name.
    found.sort(key=lambda one: (one.owner is not None, not discovering.is_named_after(one.held, tenant, who.name)))
    paging = Paging(request, len(found), PAGE_ROWS)
    return render(
        "found.html",
        title=f"What {provider} holds",
        visitor=visitor,
        tenant=who,
        since=since,
        provider=provider,
        is_own=own,
        rows=[(one, discovering.agent_for(tenant, one.held, owned)) for one in found[paging.start : paging.end]],
        paging=paging,
        words=words,
    )
