"""Mail, as a server on loopback takes it: encrypted and verified, with a password that is said to nobody else."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from orchestration import mail
from orchestration.mail import Mailer, NotSent, fault_of_address, fault_of_server
from orchestration.settings import Settings, SettingsError
from tests.outgoing.certificates import certificate
from tests.sandbox.mail import PASSWORD, SENDER, USER, Post, posting
from warehouse.security.vault import Secret


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of localhost."""
    return certificate(tmp_path_factory.mktemp("localhost"), "localhost")[0]


@pytest.fixture(scope="module", params=["smtp", "smtps"])
def post(request: pytest.FixtureRequest, chain: Path) -> Iterator[Post]:
    """A server that wants encryption and a password, spoken to as either scheme says."""
    with posting(chain=chain, scheme=request.param, has_password=True) as made:
        yield made


def test_a_message_is_sent_encrypted_and_as_it_was_written(
    post: Post, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    subject = "Müller & Söhne: 3 days\nfailed"
    post.mailer.send("ops@example.com", subject, "Grüße.\n\n.\nhttps://example.com/days\n", key="alert-7-opened")
    message = post.taken[-1]
    assert (message["From"], message["To"]) == (SENDER, "ops@example.com")
    assert message["Subject"] == "Müller & Söhne: 3 days failed"
    assert message["Message-ID"] == "<alert-7-opened@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.utcoffset() is not None
    assert message.get_content().replace("\r\n", "\n") == "Grüße.\n\n.\nhttps://example.com/days\n"


def test_nothing_is_sent_where_the_certificate_is_not_good(post: Post, chain: Path) -> None:
    count = len(post.taken)
    with pytest.raises(NotSent, match="certificate is not good") as failure:
        post.mailer.send("ops@example.com", "Hello", "Hello")
    assert not failure.value.is_permanent
    assert len(post.taken) == count


def test_a_wrong_password_is_said_and_not_shown(post: Post, chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    wrong = Mailer(Secret(f"{post.scheme}://otto:hunter2@localhost:{post.port}"), SENDER)
    with pytest.raises(NotSent, match="refused the user or the password") as failure:
        wrong.send("ops@example.com", "Hello", "Hello")
    assert "hunter2" not in f"{failure.value!r} {wrong!r} {failure.value.__context__!r}"


def test_a_server_without_encryption_is_spoken_to_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with posting() as plain:
        plain.mailer.send("ops@example.com", "Hello", "Hello")
        assert len(plain.taken) == 1
        monkeypatch.setattr(mail, "_OURSELVES", set())
        with pytest.raises(NotSent, match="STARTTLS"):
            plain.mailer.send("ops@example.com", "Hello", "Hello")
        assert len(plain.taken) == 1


@pytest.mark.parametrize(("reply", "is_permanent"), [("550 5.1.1 no such person", True), ("451 4.7.1 later", False)])
def test_who_is_refused_is_said_and_whether_it_lasts(reply: str, is_permanent: bool) -> None:
    with posting() as post:
        post.refuses["gone@example.com"] = reply
        with pytest.raises(NotSent, match=reply.split(" ", 2)[2]) as failure:
            post.mailer.send("gone@example.com", "Hello", "Hello")
        assert failure.value.is_permanent is is_permanent
        assert post.taken == []


def test_a_server_that_says_nothing_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mailer = Mailer(Secret(f"smtp://localhost:{silent.getsockname()[1]}"), SENDER)
        with pytest.raises(NotSent, match="no answer of the mail server within"):
            mailer.send("ops@example.com", "Hello", "Hello")


def test_a_server_that_is_not_there_or_hangs_up_is_no_crash() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        mailer = Mailer(Secret(f"smtp://localhost:{port}"), SENDER)
        with pytest.raises(NotSent, match="broke off"):
            mailer.send("ops@example.com", "Hello", "Hello")
    with pytest.raises(NotSent, match="no connection"):
        mailer.send("ops@example.com", "Hello", "Hello")


@pytest.mark.parametrize(
    "text", ["", "ops", "@example.com", "ops@", "a b@c.example", "Ops <ops@example.com>", "a@b\nBcc: c@d.example",
             "a@b@c", "a@b,c@d", f"{'a' * 250}@b.example"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    assert fault_of_address(text)
    assert fault_of_address("ops@example.com") is None


@pytest.mark.parametrize(
    "url", ["mail.example.com", "https://mail.example.com", "smtp://", "smtp://host:x", "smtp://host/path",
            "smtps://user@host", "smtps://user:pa/ss@host"],
)  # fmt: skip
def test_what_is_no_mail_server_is_told_by_the_variables_name_alone(url: str) -> None:
    assert fault_of_server(url)
    with pytest.raises(SettingsError, match="MINUTEBOOK_SMTP_URL") as failure:
        Settings.from_environment({"MINUTEBOOK_SMTP_URL": url, "MINUTEBOOK_MAIL_FROM": SENDER})
    assert "pa/ss" not in str(failure.value)


def test_mail_needs_a_sender_and_shows_no_password() -> None:
    url = f"smtps://{uuid4().hex}:open-sesame@mail.example.com"
    with pytest.raises(SettingsError, match="MINUTEBOOK_MAIL_FROM"):
        Settings.from_environment({"MINUTEBOOK_SMTP_URL": url})
    settings = Settings.from_environment({"MINUTEBOOK_SMTP_URL": url, "MINUTEBOOK_MAIL_FROM": SENDER})
    assert "open-sesame" not in repr(settings)
    assert Settings.from_environment({}).mailer is None
    assert PASSWORD not in repr(Post("smtp", has_password=True).mailer)
    assert USER
