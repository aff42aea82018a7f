"""A hook as people make one, on the command line and on the pages: proven how, with which secret, entered where."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sources.hooks import Method
from sources.registry import registry, source_named
from sources.source import Account
from warehouse.control import tenants
from warehouse.database.queries import Connection
from warehouse.intake import hooks
from warehouse.intake.hooks import HookRefused
from warehouse.security.vault import Secret, Vault


@dataclass(frozen=True)
class Wanted:
    """A hook of an account that can be made: of a tenant's own, or without one of the platform's shared one."""

    provider: str
    tenant_id: str | None
    method: Method
    settings: Mapping[str, str]
    secret_is_given: bool


@dataclass(frozen=True)
class Made:
    """A hook that was just made. secret: shown this one time; None where a person gave it, or none is needed."""

    hook_id: str
    url: str
    method: Method
    secret: Secret | None
    steps: str


def wanted(provider: str, tenant_id: str | None, method: str | None, settings: Sequence[str]) -> Wanted:
    """What is asked for, method as the safest of the provider's where none is named. Raises HookRefused."""
    if provider not in registry().hooks:
        raise HookRefused(f"'{provider}' reports nothing to a hook; there is {', '.join(registry().hooks)}")
    source, hook = registry().hooks[provider]
    if method is not None and method not in hook.methods:
        raise HookRefused(f"{provider} has no method '{method}'; there is {', '.join(hook.methods)}")
    said = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise HookRefused(f"'{text}' is no NAME=VALUE")
        said[name] = value
    if fault := hook.fault_of_settings(said):
        raise HookRefused(fault)
    if tenant_id is None and source_named(source).account is Account.OWN:
        raise HookRefused(f"{provider} is read from tenants' own accounts: say whose")
    return Wanted(provider, tenant_id, Method(method or hook.methods[0]), said, hook.secret_is_given)


def make(vault: Vault, connection: Connection, hook: Wanted, given: Secret | None, base: str) -> Made:
    """Make it, with the secret that was given or one of ours; base: where we are reached. Raises HookRefused."""
    if hook.secret_is_given and given is None:
        raise HookRefused(f"{hook.provider} signs with a secret of its own, which is needed")
    if not hook.secret_is_given:
        given = Secret(base64.b64encode(secrets.token_bytes(32)).decode())
    assert given is not None  # noqa: S101  it was given, or made
    if hook.tenant_id is not None:
        tenants.require_tenant(connection, hook.tenant_id)
    hook_id = hooks.create(vault, connection, hook.tenant_id, hook.provider, hook.method, hook.settings, given)
    url = f"{base.rstrip('/')}/v1/hooks/{hook.provider}/{hook_id}"
    steps = registry().hooks[hook.provider][1].steps(url, hook.method, hook.settings)
    return Made(hook_id, url, hook.method, None if hook.secret_is_given else given, steps)
