"""Mail through one SMTP server, over TLS that is verified; plain text, one message for each person.

smtps:// encrypts from the first byte; smtp:// asks for STARTTLS and goes no further without it. A server on this
machine (localhost, 127.0.0.1, ::1) may be spoken to in the clear. A certificate of one's own is trusted by
SSL_CERT_FILE, as elsewhere.
"""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from functools import partial
from urllib.parse import unquote, urlsplit

from warehouse import clock
from warehouse.security.vault import Secret

SECONDS = 15.0
"""How long one answer of the server is waited for."""
_NO_ANSWER = f"no answer of the mail server within {SECONDS:.0f} s"
_LINES = policy.SMTP.clone(max_line_length=900)
"""A shorter line than a server must take; at the usual 78 a long subject begins with the space it was folded at."""
_PORTS = {"smtp": 587, "smtps": 465}
_OURSELVES = {"localhost", "127.0.0.1", "::1"}
_LONGEST_ADDRESS = 254
_LONGEST_REPLY = 200
_PERMANENT = 500


class NotSent(Exception):
    """The server did not take a message; why, in few words, without a password. is_permanent: no retry can help."""

    def __init__(self, why: str, *, is_permanent: bool = False) -> None:
        super().__init__(why)
        self.is_permanent = is_permanent


def fault_of_address(text: str) -> str | None:
    """What is wrong with a person's mail address; None for one that can be written to."""
    parts = text.partition("@")
    if len(text) > _LONGEST_ADDRESS or not text.isprintable() or " " in text or not (parts[0] and parts[2]):
        return "it is no mail address, such as ops@example.com"
    try:
        Address(addr_spec=text)
    except (MessageError, ValueError, IndexError):
        return "it is no mail address, such as ops@example.com"
    return None


def fault_of_sender(text: str) -> str | None:
    """What is wrong with in whose name mail is sent; a name may stand before the address."""
    return fault_of_address(parseaddr(text)[1])


def fault_of_server(url: str) -> str | None:
    """What is wrong with the URL of a mail server; it is not repeated, for it holds a password."""
    try:
        parts = urlsplit(url)
        is_known = parts.scheme in _PORTS and parts.hostname is not None and parts.port != 0
    except ValueError:
        is_known = False
    if not is_known or parts.path.strip("/") or parts.query or parts.fragment:
        return "is no URL of smtps://USER:PASSWORD@HOST or smtp://…, with its reserved characters as %XX"
    if bool(parts.username) != bool(parts.password):
        return "has a user without a password, or a password without a user"
    return None


@dataclass(frozen=True)
class Mailer:
    """The deployment's mail server, and in whose name mail comes: Minutebook <minutebook@example.com>."""

    server: Secret
    sender: str

    def send(self, to: str, subject: str, text: str, *, key: str | None = None) -> None:
        """Send one message to one person. Raises NotSent.

        key names what it is about: a repeat has the same Message-ID, which mail programs show once.
        """
        message = EmailMessage(policy=_LINES)
        message["From"] = self.sender
        message["To"] = to
        message["Subject"] = " ".join(subject.split())
        message["Date"] = format_datetime(clock.now())
        message["Message-ID"] = f"<{key}@{self._domain}>" if key else make_msgid(domain=self._domain)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            server = self._connected()
            try:
                server.send_message(message)
            finally:
                with suppress(OSError, smtplib.SMTPException):  # what was taken stays taken
                    server.quit()
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            raise _refused("the address", code, reply) from None
        except smtplib.SMTPAuthenticationError as error:
            raise NotSent(f"the mail server refused the user or the password ({error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            raise _refused("the message", error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise NotSent(f"the mail server cannot do what is needed: {error}") from None
        except smtplib.SMTPException as error:
            if isinstance(error.__context__, TimeoutError):
                raise NotSent(_NO_ANSWER) from None
            raise NotSent("the mail server broke off") from None
        except ssl.SSLCertVerificationError as error:
            raise NotSent(f"the mail server's certificate is not good: {error.verify_message}") from None
        except TimeoutError:
            raise NotSent(_NO_ANSWER) from None
        except OSError as error:
            raise NotSent(f"no connection to the mail server ({error.strerror or type(error).__name__})") from None

    @property
    def _domain(self) -> str:
        return parseaddr(self.sender)[1].partition("@")[2]

    def _connected(self) -> smtplib.SMTP:
        parts = urlsplit(self.server.reveal())
        host = str(parts.hostname)
        port, context = parts.port or _PORTS[parts.scheme], ssl.create_default_context()
        kind = partial(smtplib.SMTP_SSL, context=context) if parts.scheme == "smtps" else smtplib.SMTP
        # Without a name of ours it would be looked up, which waits for a resolver.
        server = kind(host, port, self._domain, timeout=SECONDS)
        try:
            server.ehlo()
            if parts.scheme == "smtp" and (server.has_extn("starttls") or host not in _OURSELVES):
                server.starttls(context=context)
            if parts.username:
                server.login(unquote(parts.username), unquote(str(parts.password)))
        except BaseException:
            server.close()
            raise
        return server


def _refused(what: str, code: int, reply: bytes | str) -> NotSent:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    words = "".join(letter if letter.isprintable() else " " for letter in text)[:_LONGEST_REPLY]
    return NotSent(f"the mail server refused {what} ({code} {words})", is_permanent=code >= _PERMANENT)
