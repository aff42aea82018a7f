"""minutebook credential …: secrets are read from standard input or a hidden prompt, and never printed."""

import sys
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

import psycopg
import typer

from orchestration.cli.options import Json, TenantFilter, command, group, parse_date
from orchestration.cli.output import next_step, print_json, say, show
from orchestration.cli.session import CommandFailed, Session, session
from orchestration.ingestion import keys
from orchestration.ingestion.routing import Routing
from sources.errors import SourceFailure
from sources.registry import registry
from warehouse.clock import today
from warehouse.control import tenants
from warehouse.security import rotation
from warehouse.security.vault import Credential, Secret, one_line
from warehouse.words import counted

app = group("Credentials: keys of providers' accounts; a secret is never an argument.", "minutebook credential list")


def known_provider(name: str) -> str:
    """A provider whose credentials are stored. Raises BadParameter for another."""
    if name not in registry().providers:
        raise typer.BadParameter(f"no provider '{name}' has credentials; there is {', '.join(registry().providers)}")
    return name


ProviderArgument = Annotated[
    str, typer.Argument(metavar="PROVIDER", callback=known_provider, help="Whose credential it is; see: source list.")
]
Owner = Annotated[
    str | None, typer.Option("--tenant", metavar="TENANT", help="Whose it is; without, the platform's shared one.")
]


@command(app, "set", "minutebook credential set vapi --tenant acme < key.txt")
def set_credential(
    ctx: typer.Context,
    provider: ProviderArgument,
    tenant: Owner = None,
    used_from: Annotated[
        date | None,
        typer.Option(
            parser=parse_date, metavar="YYYY-MM-DD", help="First usage date read with it; default as before, or all."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="How it is used. May be repeated. requests_per_second=5: what its account may ask, all runs together."
            " Others are the provider's own, such as generation=stable or transcripts=yes; a wrong one lists them.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Store a secret, read from standard input or a hidden prompt; the former one of the same owner is retired."""
    settings = _known(provider, setting or ())
    current = session(ctx)
    vault = current.settings.vault()
    with current.operator() as connection:
        if tenant is not None:
            tenants.require_tenant(connection, tenant)
        vault.set_credential(connection, tenant, provider, given_secret(provider), settings, used_from)
        (stored,) = [row for row in tenants.credentials(connection, tenant) if _is(row, tenant, provider)]
    if as_json:
        print_json(stored)
        return
    say(f"stored the {provider} credential of {_owner(tenant)}, fingerprint {stored['fingerprint']}")
    next_step(f"minutebook credential verify {provider}" + (f" --tenant {tenant}" if tenant else ""))


@command(app, "verify", "minutebook credential verify vapi --tenant acme")
def verify(ctx: typer.Context, provider: ProviderArgument, tenant: Owner = None, as_json: Json = False) -> None:
    """Ask the provider whether it accepts the stored secret."""
    current = session(ctx)
    vault = current.settings.vault()
    with current.operator() as connection:
        if tenant is not None:
            tenants.require_tenant(connection, tenant)
        credential = vault.secret(connection, tenant, provider)
        connection.commit()  # that it was used stays recorded, whatever the provider says
        try:
            opened = _ask(current, connection, tenant, credential)
        except SourceFailure as error:
            fix = f"minutebook credential set {provider}" + (f" --tenant {tenant}" if tenant else "")
            hint = f"; set another: {fix}" if error.code == "credential_rejected" else ""
            raise CommandFailed(f"{_owner(tenant)}: {error}{hint}") from None
        tenants.mark_verified(connection, credential.credential_id)
    if as_json:
        print_json({"tenant_id": tenant, "provider": provider, "is_accepted": True, "opened": opened})
        return
    say(f"{provider} accepts the credential of {_owner(tenant)}")
    for what in opened:
        say(what)
    next_step("minutebook pull --from DATE --to DATE" + (f" --tenant {tenant}" if tenant else ""))


@command(app, "rotate", "minutebook credential rotate vapi --tenant acme < new-key.txt")
def rotate(
    ctx: typer.Context,
    provider: ProviderArgument,
    tenant: Owner = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Ask about the key that was stored when the provider did not answer.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Replace a key by one from standard input once the provider accepts it; until then the former is used."""
    current = session(ctx)
    vault = current.settings.vault()
    named = f"minutebook credential rotate {provider}" + (f" --tenant {tenant}" if tenant else "")
    with current.operator() as connection:
        if tenant is not None:
            tenants.require_tenant(connection, tenant)
        if not resume:
            rotation.stage(vault, connection, tenant, provider, Secret(given_secret(provider)))
            connection.commit()
        successor = rotation.candidate(vault, connection, tenant, provider)
        connection.commit()
        try:
            _ask(current, connection, tenant, successor)
        except SourceFailure as error:
            if error.is_permanent:
                rotation.discard(connection, tenant, provider)
                connection.commit()
                raise CommandFailed(f"{_owner(tenant)}: {error}; the new key is dropped, the former is used") from None
            raise CommandFailed(f"{_owner(tenant)}: {error}; the former key is used; later: {named} --resume") from None
        rotation.promote(connection, successor)
    if as_json:
        print_json({"tenant_id": tenant, "provider": provider, "credential_id": successor.credential_id})
        return
    say(f"{provider} accepts the new key of {_owner(tenant)}, which is used from now on")
    next_step(f"revoke the former key at {provider}")


@command(app, "rekey", "minutebook credential rekey --tenant acme")
def rekey(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """Seal stored secrets under new data keys, of one tenant or of everybody and the platform."""
    current = session(ctx)
    vault = current.settings.vault()
    count = 0
    with current.operator() as connection:
        if tenant is not None:
            tenants.require_tenant(connection, tenant)
        for owner in [tenant] if tenant is not None else rotation.owners(connection):
            count += rotation.rotate_data_key(vault, connection, owner)
            connection.commit()
    if as_json:
        print_json({"secrets_sealed_again": count})
        return
    say(f"sealed under new data keys: {counted(count, 'secret')}")
    next_step("minutebook doctor")


@command(app, "rewrap", "minutebook credential rewrap")
def rewrap(ctx: typer.Context, as_json: Json = False) -> None:
    """Bring all secrets under the newest master key, the first of MINUTEBOOK_MASTER_KEYS; then remove the others."""
    current = session(ctx)
    vault = current.settings.vault()
    with current.operator() as connection:
        count = vault.rewrap(connection)
    if as_json:
        print_json({"data_keys_rewrapped": count})
        return
    say(f"moved from another master key to the newest: {counted(count, 'data key')}")
    next_step("take the older keys out of MINUTEBOOK_MASTER_KEYS once everything that runs knows the newest")


@command(app, "list", "minutebook credential list")
def list_credentials(ctx: typer.Context, tenant: TenantFilter = None, as_json: Json = False) -> None:
    """List live credentials by fingerprint; an owner of – is the platform."""
    with session(ctx).operator() as connection:
        if tenant is not None:
            tenants.require_tenant(connection, tenant)
        rows = tenants.credentials(connection, tenant)
    columns = ["tenant_id", "provider", "fingerprint", "settings", "used_from", "created_at", "verified_at"]
    show(rows, columns, as_json, "no credentials yet; next: minutebook credential set --help")


def given_secret(provider: str) -> str:
    """A secret from a hidden prompt or standard input. Raises CommandFailed."""
    asked = sys.stdin.isatty()
    entered = typer.prompt(f"{provider} secret", hide_input=True, err=True) if asked else sys.stdin.read()
    if not str(entered).strip():
        raise CommandFailed("standard input is empty; pipe the secret in, or run it on a terminal for a prompt")
    return one_line(str(entered))


def _ask(
    current: Session, connection: psycopg.Connection[Any], tenant: str | None, credential: Credential
) -> list[str]:
    """Have the provider verify the key. Raises SourceFailure."""
    return keys.verify(current.settings, Routing.load(connection), tenant, credential, today())


def _known(provider: str, settings: Iterable[str]) -> dict[str, str | int | float]:
    """The settings. Raises BadParameter for one that nothing reads."""
    try:
        return keys.known_settings(provider, settings)
    except keys.SettingRefused as error:
        raise typer.BadParameter(str(error), param_hint="--setting") from None


def _is(row: dict[str, Any], tenant: str | None, provider: str) -> bool:
    return bool(row["tenant_id"] == tenant and row["provider"] == provider)


def _owner(tenant: str | None) -> str:
    return f"tenant {tenant}" if tenant else "the platform"
