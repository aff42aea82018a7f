"""What a tenant needs until its first bill: each step, whether it is done, and the form that does it."""

from dataclasses import dataclass
from datetime import date, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration import onboarding
from orchestration.ingestion import keys
from orchestration.ingestion.routing import Routing
from orchestration.remedies.steps import Step
from orchestration.remedies.wording import OnPage
from orchestration.reports import content
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.onboarding import flags
from orchestration.web.onboarding.plan_forms import MINUTES, count_also, counted_by, new_plan
from orchestration.web.operations import tasks
from orchestration.web.rendering import render
from orchestration.web.server.turns import DECISION
from sources.errors import SourceFailure
from sources.registry import all_sources, registry
from warehouse.control import agents, plans, tenants
from warehouse.control.agents import Attachment
from warehouse.control.tenants import Tenant
from warehouse.database.errors import WarehouseError
from warehouse.database.queries import Connection, Row
from warehouse.ingestion import planning
from warehouse.security.vault import one_line
from warehouse.statements import blocking, periods


@dataclass(frozen=True)
class FirstBill:
    """The first statement: since which day usage is priced on it, what it comes to, and how much blocks it still."""

    row: Row
    first_priced: date | None
    blockers: int

    @property
    def is_pending(self) -> bool:
        """Whether it is still to be approved."""
        return self.row["state"] not in periods.FROZEN

    @property
    def path(self) -> str:
        """Where finance reviews it."""
        return f"/periods/{self.row['tenant_id']}/{self.row['period_start']}"


@for_roles("operator", "finance")
def show_setup(request: Request, visitor: Visitor) -> Response:
    """What a tenant has and what is left."""
    return _page(request, visitor)


@form_for_roles("operator")
def take_key(request: Request, visitor: Visitor, form: Form) -> Response:
    """Store a key, of the tenant's own account or of the shared one, and ask the provider whether it accepts it."""
    tenant, actor = path_tenant(request), visitor.person.login_id
    provider, owner = form.get("provider", ""), tenant if form.get("whose") == "own" else None
    if provider not in registry().providers:
        raise HTTPException(404, "There is no provider of that name.")
    settings = request.app.state.settings
    try:
        checked = keys.known_settings(provider, form.get("settings", "").split())
        vault = settings.vault()
        with readers(request).operator(actor, DECISION) as connection:
            known(connection, tenant)
            vault.set_credential(connection, owner, provider, one_line(form.get("key", "")), checked)
            credential = vault.secret(connection, owner, provider)
            routing = Routing.load(connection)
        # No connection is held, and the use is written down, when the provider is asked.
        keys.verify(settings, routing, owner, credential, request.app.state.today())
        with readers(request).operator(actor) as connection:
            tenants.mark_verified(connection, credential.credential_id)
    except SourceFailure as error:
        return _page(request, visitor, f"The key is stored, and {provider} does not accept it: {error}")
    except (keys.SettingRefused, WarehouseError) as error:
        return _page(request, visitor, f"Nothing was stored. {error}", form)
    return RedirectResponse(f"{_path(tenant)}#key", 303)


@form_for_roles("operator", "finance")
def attach(request: Request, visitor: Visitor, form: Form) -> Response:
    """Attach an id of a provider's to an agent of the tenant, which is created where there is none of that id."""
    tenant = path_tenant(request)
    try:
        attachment = Attachment(
            tenant,
            form.get("agent", "").strip(),
            form.get("kind", ""),
            form.get("value", "").strip(),
            date.fromisoformat(form.get("from", "").strip()),
        )
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            if attachment.agent_id not in {row["agent_id"] for row in agents.agents(connection, tenant)}:
                name = form.get("agent_name", "").strip() or attachment.agent_id
                agents.put_agent(connection, tenant, attachment.agent_id, name)
            agents.attach(connection, attachment)
    except ValueError:
        return _page(request, visitor, "Nothing was attached. The first day is written YYYY-MM-DD.", form)
    except WarehouseError as error:
        return _page(request, visitor, f"Nothing was attached. {error}", form)
    return RedirectResponse((form.get("back") == "found" and _found(tenant, form)) or f"{_path(tenant)}#agents", 303)


@form_for_roles("finance")
def take_plan(request: Request, visitor: Visitor, form: Form) -> Response:
    """Put the tenant on a plan: one that there is, or a new one with a fee, what it includes, and a price beyond it; or
    have the plan that it is on count something else too.
    """
    tenant = path_tenant(request)
    try:
        since = date.fromisoformat(form.get("from", "").strip())
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            currency = tenants.require_tenant(connection, tenant).currency
            if form.get("also"):
                count_also(connection, tenant, form, since)
            else:
                plan = form.get("plan", "") or new_plan(connection, form, currency, since)
                tenants.put_tenant_plan(connection, tenant, plan, since)
    except ValueError:
        said = (
            "Nothing was changed. A day as YYYY-MM-DD, amounts such as 249.00 and a whole number included are needed."
        )
        return _page(request, visitor, said, form)
    except WarehouseError as error:
        return _page(request, visitor, f"Nothing was changed. {error}", form)
    return RedirectResponse(f"{_path(tenant)}#plan", 303)


@form_for_roles("operator", "finance")
def take_flag(request: Request, visitor: Visitor, form: Form) -> Response:
    """Switch a feature flag of the tenant, each by whose it is."""
    tenant = path_tenant(request)
    try:
        with readers(request).operator(visitor.person.login_id, DECISION) as connection:
            known(connection, tenant)
            flags.set_by(connection, tenant, form, visitor.person.role)
    except ValueError:
        return _page(request, visitor, "Nothing was changed. The first day is written YYYY-MM-DD.", form)
    except WarehouseError as error:
        return _page(request, visitor, f"Nothing was changed. {error}", form)
    return RedirectResponse(f"{_path(tenant)}#flags", 303)


@form_for_roles("operator", "finance")
def take_remedy(request: Request, visitor: Visitor, form: Form) -> Response:
    """Ask for the first days to be read and built."""
    tenant, today = path_tenant(request), request.app.state.today()
    with readers(request).operator() as connection:
        offered = _offered(connection, tenant, first_billed(connection, tenant), today)
    if fault := tasks.taken(request, visitor, form, _path(tenant), [OnPage("", steps=steps) for steps in offered]):
        return _page(request, visitor, fault)
    return tasks.watching(_path(tenant))


def path_tenant(request: Request) -> str:
    """The tenant that is set up."""
    tenant: str = request.path_params["tenant"]
    return tenant


def known(connection: Connection, tenant: str) -> Tenant:
    """The tenant. Raises HTTPException 404."""
    try:
        return tenants.require_tenant(connection, tenant)
    except WarehouseError:
        raise HTTPException(404, "There is no tenant of that name.") from None


def _page(request: Request, visitor: Visitor, fault: str = "", form: Form | None = None) -> Response:
    tenant, today = path_tenant(request), request.app.state.today()
    with readers(request).operator() as connection:
        who = known(connection, tenant)
        since = first_billed(connection, tenant)
        steps = onboarding.steps(connection, tenant, since, today)
        owned = agents.agents(connection, tenant)
        credentials = [row for row in tenants.credentials(connection) if row["tenant_id"] in (None, tenant)]
        offered_plans, meters = plans.on_offer(connection, since)
        on_plans = tenants.history(connection, tenant)[1]
        counts = counted_by(connection, on_plans[-1]["plan_id"], max(today, since)) if on_plans else []
        bill = _first_bill(connection, tenant, since, today)
        values = {
            "kinds": sorted({kind.name for source in all_sources().values() for kind in source.scope_kinds}),
            "plans": [row for row in offered_plans if row["currency"] == who.currency],
            "on_plans": on_plans,
            "plan_names": {row["plan_id"]: row["name"] for row in offered_plans},
            "counts": counts,
            "flags": flags.flags_of(connection, tenant, today),
            "offered": _offered(connection, tenant, since, today),
            "under_way": tasks.shown(connection, _path(tenant), request),
        }
    counted = {row["source"] for row in meters}
    opened = {row["provider"] for row in credentials}
    uncounted = [one for one in all_sources().values() if one.contract == "calls" and one.name not in counted]
    uncounted.sort(key=lambda one: one.provider not in opened)
    held = {row["meter_id"] for row in counts}
    has_calls = any(row["item"] is None for row in meters if row["meter_id"] in held)
    more = [row for row in meters if row["meter_id"] not in held and not (has_calls and row["item"] is None)]
    return render(
        "onboarding.html",
        status=409 if fault else 200,
        title=f"Set up {who.name}",
        visitor=visitor,
        tenant=who,
        since=since,
        steps={step.key: step for step in steps},
        left=sum(not step.is_done for step in steps),
        agents=owned,
        known_agents=sorted({row["agent_id"] for row in owned}),
        credentials=credentials,
        meters=meters,
        uncounted=[one.name for one in uncounted],
        more=more,
        minutes_of=[] if has_calls else [one.name for one in uncounted],
        providers=registry().providers,
        discoverable=[
            name
            for name in dict.fromkeys(row["provider"] for row in credentials)
            if any(source.discover for source in registry().of_provider(name))
        ],
        bill=bill,
        here=_path(tenant),
        fault=fault,
        filled=dict(form or {}),
        minutes=MINUTES,
        today=today,
        switches=flags.SWITCHES,
        **values,
    )


def first_billed(connection: Connection, tenant: str) -> date:
    """The tenant's first billed day. Raises HTTPException 404 for a tenant that is none, or was never activated."""
    known(connection, tenant)
    statuses, _ = tenants.history(connection, tenant)
    if not statuses:
        raise HTTPException(404, "This tenant was never activated.")
    since: date = statuses[0]["valid_from"]
    return since


def _first_bill(connection: Connection, tenant: str, since: date, today: date) -> FirstBill | None:
    row = onboarding.first_statement(connection, tenant, since)
    if row is None:
        return None
    start = row["period_start"]
    statement = content.read(connection, tenant, start, with_costs=False, with_calls=False)
    used = [day.usage_date for day in statement.days if day.quantity]
    blockers = [] if row["state"] in periods.FROZEN else blocking.blockers(connection, [row], today)
    return FirstBill(row, min(used, default=None), len(blockers))


def _offered(connection: Connection, tenant: str, since: date, today: date) -> list[tuple[Step, ...]]:
    """Reading its first days, or all that are over, of each source that it has an account of, and then a build."""
    if since >= today:
        return []
    opened = {row["provider"] for row in tenants.credentials(connection) if row["tenant_id"] in (None, tenant)}
    uses = planning.tenant_day_accounts(connection, [(tenant, since)], list(all_sources()))
    accounts = {row.source for row in uses if row.account is not None}
    names = [name for name, source in all_sources().items() if name in accounts and source.provider in opened]
    first, last = onboarding.first_days(since, today)
    days = [("--from", str(first), "--to", str(until)) for until in dict.fromkeys((last, today - timedelta(days=1)))]
    pulls = [[("pull", "--tenant", tenant, "--source", name, *each) for name in names] for each in days]
    return [(*each, ("build",)) for each in pulls if each]


def _path(tenant: str) -> str:
    return f"/onboarding/{tenant}"


def _found(tenant: str, form: Form) -> str:
    provider = form.get("provider", "")
    return f"{_path(tenant)}/found/{provider}" if provider in registry().providers else _path(tenant)
