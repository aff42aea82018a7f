"""Who may sign in: staff invite people by a link, and give who forgot a password another one.

Whom a person may invite, they may reset: a colleague of their own role, and anybody of a tenant. So nobody gains by an
invitation what they may not see themselves.
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from orchestration import inviting
from orchestration.web.access import links
from orchestration.web.access.auth import Visitor, for_roles, form_for_roles, readers
from orchestration.web.forms import Form
from orchestration.web.paging import Paging
from orchestration.web.rendering import render
from orchestration.web.server.turns import PAGE
from warehouse.control import tenants
from warehouse.security import web_logins
from warehouse.security.web_logins import Link, LoginError, LoginRole
from warehouse.statements import issuing

PAGE_ROWS = 100


@for_roles("finance", "operator")
def show_people(request: Request, visitor: Visitor) -> Response:
    """The logins, and the form that invites somebody."""
    return _page(request, visitor)


@form_for_roles("finance", "operator", kind=PAGE)
def invite(request: Request, visitor: Visitor, form: Form) -> Response:
    """Make a login without a password, and show the link that sets one."""
    login_id, tenant = form.get("login", "").strip().lower(), form.get("tenant", "").strip() or None
    role: LoginRole = "tenant" if tenant else visitor.person.role
    try:
        with readers(request).door(visitor.person.login_id) as connection:
            link = web_logins.invite(connection, login_id, role, tenant)
    except LoginError as error:
        return _page(request, visitor, fault=str(error), filled=form)
    return _page(request, visitor, login_id=login_id, link=link)


@form_for_roles("finance", "operator", kind=PAGE)
def reset(request: Request, visitor: Visitor, form: Form) -> Response:
    """Show a link that sets another password of a login; until it is used, the present one holds."""
    login_id = form.get("login", "")
    with readers(request).door(visitor.person.login_id) as connection:
        known = {row["login_id"]: row["role"] for row in web_logins.list_logins(connection)}
        if known.get(login_id) not in ("tenant", visitor.person.role):
            raise HTTPException(404, "There is no login of that name that you may reset.")
        link = web_logins.reset_by_link(connection, login_id)
    return _page(request, visitor, login_id=login_id, link=link)


def _page(
    request: Request,
    visitor: Visitor,
    *,
    fault: str = "",
    filled: Form | None = None,
    login_id: str = "",
    link: Link | None = None,
) -> Response:
    words = request.query_params.get("q", "").strip().lower()
    with readers(request).door() as connection:
        sender = issuing.sender_for(connection, login_id)
        found = [
            row
            for row in web_logins.list_logins(connection)
            if words in row["login_id"] or words in (row["tenant_id"] or "")
        ]
    with readers(request).operator() as connection:
        known = tenants.names(connection)
        named = tenants.named(connection, (row["tenant_id"] for row in found))
    paging = Paging(request, len(found), PAGE_ROWS)
    address, not_sent = "", None
    if link is not None:
        address = links.address(request, sender, link.path)
        not_sent = inviting.send(request.app.state.settings.mailer, sender, login_id, link, address)
    return render(
        "people.html",
        status=409 if fault else 200,
        title="People",
        visitor=visitor,
        rows=found[paging.start : paging.end],
        paging=paging,
        words=words,
        fault=fault,
        filled=filled or {},
        tenants=known,
        named=named,
        login_id=login_id,
        link=link,
        not_sent=not_sent,
        address=address if not_sent else "",
    )
