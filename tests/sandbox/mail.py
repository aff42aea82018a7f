"""A mail server on loopback: it asks for TLS and a password as real ones do, and keeps what it does not refuse."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from orchestration.mail import Mailer
from warehouse.security.vault import Secret

USER, PASSWORD = "minutebook@example.com", "open:sesame/@"
SENDER = "Minutebook <minutebook@example.com>"


@dataclass
class Post:
    """What was taken, in the order in which it came. refuses: address → what the server answers."""

    scheme: str
    port: int = 0
    has_password: bool = False
    taken: list[EmailMessage] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Whether this person is written to here."""
        if self.has_password and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a message."""
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        assert [message["To"].addresses[0].addr_spec] == envelope.rcpt_tos
        self.taken.append(message)
        return "250 kept"

    @property
    def url(self) -> str:
        """As MINUTEBOOK_SMTP_URL would have it."""
        who = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@" if self.has_password else ""
        return f"{self.scheme}://{who}localhost:{self.port}"

    @property
    def mailer(self) -> Mailer:
        """A mailer of this server."""
        return Mailer(Secret(self.url), SENDER)


class _Server(Controller):
    def _trigger_server(self) -> None:
        """Its own first connection goes to the port that it was given."""
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def posting(*, chain: Path | None = None, scheme: str = "smtp", has_password: bool = False) -> Iterator[Post]:
    """A server, as long as the context lasts. chain: a file of key and certificate; without, it encrypts nothing."""
    post = Post(scheme, has_password=has_password)
    tls = None
    if chain is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(chain)

    def admitted(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        is_known = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_known, handled=False)

    controller = _Server(
        post,
        hostname="127.0.0.1",
        port=0,
        ssl_context=tls if scheme == "smtps" else None,
        tls_context=tls if scheme == "smtp" else None,
        require_starttls=scheme == "smtp" and tls is not None,
        authenticator=admitted if has_password else None,
        auth_require_tls=scheme == "smtp" and tls is not None,
    )
    controller.start()
    post.port = controller.port
    try:
        yield post
    finally:
        controller.stop()
