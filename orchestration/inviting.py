"""A link that sets a password, mailed to the person; where that cannot be, whoever made it sends it."""

from dataclasses import replace
from urllib.parse import urlsplit

from orchestration.mail import Mailer, NotSent, fault_of_address
from warehouse.security.web_logins import LINK_HOURS, Link
from warehouse.statements.issuing import Sender

_TEXT = """{greeting}

{address}

The link works once, within {days} days. If you did not expect it, do nothing: without it nothing changes.
"""
_INVITED = "You are invited to the pages of {agency}. Choose the password that {login_id} signs in with:"
_RESET = "Choose another password for {login_id} at {agency}:"


def address_of(sender: Sender, base: str, path: str) -> str:
    """Where a page is reached: at the host of the brand, else at the deployment's own address, which is base."""
    own = urlsplit(base)._replace(netloc=sender.host).geturl() if sender.host else base
    return own.rstrip("/") + path


def send(mailer: Mailer | None, sender: Sender, login_id: str, link: Link, address: str) -> str | None:
    """Mail the link, found at the address, in the name of the brand. Returns why it could not be, or None. Hold no
    connection meanwhile.
    """
    if mailer is None:
        return "no mail server is set (MINUTEBOOK_SMTP_URL)"
    if fault := fault_of_address(login_id):
        return f"{login_id} is the login, and {fault}"
    agency = sender.name or "Minutebook"
    greeting = (_INVITED if link.is_invitation else _RESET).format(agency=agency, login_id=login_id)
    text = _TEXT.format(greeting=greeting, address=address, days=LINK_HOURS // 24)
    try:
        named = replace(mailer, sender=sender.mail_from) if sender.mail_from else mailer
        named.send(login_id, f"{agency}: {'your invitation' if link.is_invitation else 'another password'}", text)
    except NotSent as error:
        return str(error)
    return None
