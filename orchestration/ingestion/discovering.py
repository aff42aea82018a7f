"""What an account holds, whose it is, and which attachments are missing: proposed, never made without a person."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date

from orchestration.ingestion.reading import access_of
from orchestration.settings import Settings
from sources.day import PLATFORM
from sources.registry import registry
from sources.source import Source
from sources.source.discovery import Campaign, Held
from sources.text import as_id
from warehouse.database.connect import Role, connect
from warehouse.database.queries import Connection
from warehouse.security.vault import Credential
from warehouse.sources.campaigns import made
from warehouse.sources.discovery import Unattached, attached, unattached


@dataclass(frozen=True)
class Found:
    """An object of an account. owner: tenant and agent that have it. first_day, calls: of usage that routes to nobody
    and would route by it.
    """

    held: Held
    owner: tuple[str, str] | None
    first_day: date | None
    calls: int


@dataclass(frozen=True)
class Account:
    """What was found at a provider, and whose account it is: a tenant's own, or the platform's. made: by campaign, how
    many of its calls were read and how many of them connected.
    """

    source: Source
    account: str
    found: tuple[Found, ...]
    campaigns: tuple[Campaign, ...]
    made: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Proposal:
    """An attachment that is missing. name: the agent's, where it does not exist yet."""

    found: Found
    agent_id: str
    name: str
    valid_from: date


def look(url: str, settings: Settings, source: Source, tenant_id: str | None, *, has_own: bool) -> Account:
    """Ask the provider what the tenant's own account holds, or the platform's where it has none. Raises SourceFailure,
    CredentialMissing.
    """
    owner = tenant_id if has_own else None
    account = owner or PLATFORM
    with connect(url, Role.LOADER, actor="discover") as connection:
        credential = settings.vault().secret(connection, owner, source.provider)
        connection.commit()  # that it was used stays recorded, whatever the provider says
        with closing(source.connect(access_of(source, settings, credential))) as client:
            held = [] if source.discover is None else source.discover(client)
            campaigns = [] if source.campaigns is None else source.campaigns(client)
        owners = owners_of(connection, source)
        waiting = unattached(connection, source, account)
        read = made(connection, source.name, account)
    return Account(source, account, tuple(_put_together(held, owners, waiting)), tuple(campaigns), read)


def held_by(settings: Settings, source: Source, credential: Credential) -> list[Held]:
    """Ask the provider what the account of a key holds. Raises SourceFailure."""
    with closing(source.connect(access_of(source, settings, credential))) as client:
        return [] if source.discover is None else source.discover(client)


def owners_of(connection: Connection, source: Source) -> dict[tuple[str, str], tuple[str, str]]:
    """By kind and id, the tenant and agent that have it, of whatever the source routes by."""
    return attached(connection, [kind.name for kind in source.scope_kinds])


def is_named_after(held: Held, tenant_id: str, tenant_name: str) -> bool:
    """Whether its name begins with the tenant's."""
    return _begins_with(as_id(held.name), {as_id(tenant_id), as_id(tenant_name)})


def agent_for(tenant_id: str, held: Held, agents: Sequence[str]) -> tuple[str, str]:
    """The agent that is proposed to have it: the tenant's only one, or else a new one, with its name."""
    if len(agents) == 1:
        return agents[0], ""
    return _agent(tenant_id, held), held.name or held.label or held.value


def _put_together(
    held: Sequence[Held],
    owners: dict[tuple[str, str], tuple[str, str]],
    waiting: Sequence[Unattached],
) -> Iterable[Found]:
    """What is held, and what usage was of although it is held no more."""
    of_ids = {(one.kind, one.value): one for one in waiting}
    for one in held:
        key = (one.kind, one.value)
        seen = of_ids.pop(key, None)
        yield Found(one, owners.get(key), seen.first_day if seen else None, seen.rows if seen else 0)
    for key, seen in of_ids.items():
        yield Found(Held("not held any more", seen.kind, seen.value), owners.get(key), seen.first_day, seen.rows)


def missing(
    account: Account, tenant_id: str, tenant_name: str, agents: Sequence[str], wanted: Sequence[str], today: date
) -> list[Proposal]:
    """The tenant's missing attachments: of its own account all, of the platform's those that bear its name or are among
    `wanted` (ids). From the first day that was seen on, else from today. A number is proposed before it is called; what
    else routes, once something was seen of it.

    agents: the tenant's. With one, it has them all; else each is an agent of its own.
    """
    first_kind = next((kind.name for kind in account.source.scope_kinds if not kind.is_of_one_row), None)
    proposals = []
    for found in account.found:
        held = found.held
        is_asked = held.value in wanted or not wanted
        is_theirs = account.account == tenant_id or held.value in wanted or is_named_after(held, tenant_id, tenant_name)
        is_open = found.calls > 0 or (found.owner is None and held.kind == first_kind)
        if not (is_asked and is_theirs and is_open) or (found.owner and found.owner[0] != tenant_id):
            continue
        if found.owner:
            agent_id, name = found.owner[1], ""
        else:
            agent_id, name = agent_for(tenant_id, held, agents)
        is_new = name if agent_id not in agents else ""
        proposals.append(Proposal(found, agent_id, is_new, found.first_day or today))
    return proposals


def source_of(provider: str) -> Source | None:
    """The source of a provider that can say what its account holds."""
    return next((source for source in registry().of_provider(provider) if source.discover is not None), None)


def _begins_with(slug: str, names: Iterable[str]) -> bool:
    return any(slug == name or slug.startswith(f"{name}-") for name in names if name)


def _agent(tenant_id: str, held: Held) -> str:
    slug = as_id(held.name) or as_id(held.label) or as_id(held.value)
    named = slug if _begins_with(slug, [tenant_id]) else f"{tenant_id}-{slug}"
    return named[:63].rstrip("-_")
