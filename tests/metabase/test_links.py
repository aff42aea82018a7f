"""A tenant's link shows that tenant, for a while, and nothing else once a letter of it is changed."""

import base64
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import psycopg
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.metabase.embed_links import EmbeddingNotConfigured, tenant_link
from tests.sandbox.metabase import serving
from tests.web import world

KEY = "0123456789abcdef" * 4


def token_of(url: str) -> str:
    return url.split("/embed/dashboard/")[1].split("#")[0]


def link(tenant: str = "acme-dental", now: datetime | None = None, key: str = KEY) -> str:
    return tenant_link("https://metabase.example.com/", key, 7, tenant, now or datetime.now(UTC), timedelta(minutes=10))


def opened(token: str, key: str = KEY) -> dict[str, object]:
    """What Metabase does with a token: HS256 under the shared key, and its expiry."""
    claims: dict[str, object] = jwt.decode(token, key, algorithms=["HS256"], options={"require": ["exp"]})
    return claims


def test_a_link_locks_the_tenant_and_the_dashboard() -> None:
    assert link().startswith("https://metabase.example.com/embed/dashboard/")
    claims = opened(token_of(link()))
    assert claims["resource"] == {"dashboard": 7}
    assert claims["params"] == {"tenant": "acme-dental"}


def test_a_token_with_another_tenant_written_into_it_is_refused() -> None:
    head, body, signature = token_of(link()).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["params"]["tenant"] = "bright-smiles"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    with pytest.raises(jwt.InvalidSignatureError):
        opened(f"{head}.{forged}.{signature}")


def test_a_token_changed_in_any_of_its_letters_is_refused() -> None:
    token = token_of(link())
    for place in range(0, len(token) - 1, 7):
        letter = "A" if token[place] != "A" else "B"
        with pytest.raises(jwt.InvalidTokenError):
            opened(token[:place] + letter + token[place + 1 :])


def test_a_token_without_a_signature_or_of_another_key_is_refused() -> None:
    later = datetime.now(UTC) + timedelta(1)
    unsigned = jwt.encode({"params": {"tenant": "acme-dental"}, "exp": later}, "", algorithm="none")
    for token in (unsigned, token_of(link(key="f" * 64))):
        with pytest.raises(jwt.InvalidTokenError):
            opened(token)


def test_a_link_ends() -> None:
    with pytest.raises(jwt.ExpiredSignatureError):
        opened(token_of(link(now=datetime.now(UTC) - timedelta(minutes=11))))


def test_over_http_an_embed_opens_its_tenant_only_and_refuses_every_changed_link() -> None:
    """Against the stand-in, which checks a token by Metabase's documented scheme without the library that made it."""
    with serving(embedding_key=KEY) as (_, address), httpx.Client(base_url=address) as client:

        def ask(token: str) -> tuple[int, object]:
            answer = client.get(f"/api/embed/dashboard/{token}")
            return answer.status_code, answer.json()

        token = token_of(link())
        assert ask(token) == (200, {"dashboard": 7, "locked": {"tenant": "acme-dental"}})
        head, body, signature = token.split(".")
        _, others, _ = token_of(link("bright-smiles")).split(".")
        for changed in (
            f"{head}.{others}.{signature}", f"{head}.{body}", f"{head}.{body}.", token_of(link(key="f" * 64)),
            f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        ):  # fmt: skip
            assert ask(changed) == (400, {"message": "Message seems corrupt or manipulated"})
        assert ask(token_of(link(now=datetime.now(UTC) - timedelta(minutes=11))))[0] == 400


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [(None, KEY, "METABASE_URL"), ("https://m", None, "SECRET_KEY"), ("https://m", "short", "SECRET_KEY")],
)
def test_without_metabases_address_and_key_there_is_no_link(url: str | None, key: str | None, said: str) -> None:
    with pytest.raises(EmbeddingNotConfigured, match=said):
        tenant_link(url, key, 7, "acme-dental", datetime.now(UTC), timedelta(minutes=10))


def test_the_command_prints_a_link_for_a_tenant_that_exists(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.build(database_url, 1)
    for name, value in (
        ("DATABASE_URL", database_url), ("HOME", str(tmp_path)), ("METABASE_URL", "https://metabase.example.com"),
        ("METABASE_SECRET_KEY", KEY),
    ):  # fmt: skip
        monkeypatch.setenv(f"MINUTEBOOK_{name}", value)
    done = CliRunner().invoke(app, ["dashboard", "link", "acme-dental", "--dashboard", "7", "--json"])
    assert done.exit_code == 0, done.output
    assert opened(token_of(json.loads(done.output)["url"]))["params"] == {"tenant": "acme-dental"}
    unknown = CliRunner().invoke(app, ["dashboard", "link", "nobody", "--dashboard", "7"])
    assert unknown.exit_code == 1
    assert "nobody" in unknown.output
    assert KEY not in done.output + unknown.output


def test_packs_exports_and_logins_work_from_the_command_line(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.build(database_url, 2)
    monkeypatch.setenv("MINUTEBOOK_DATABASE_URL", database_url)
    monkeypatch.setenv("MINUTEBOOK_HOME", str(tmp_path))

    def run(*arguments: str, said: str | None = None) -> str:
        done = CliRunner().invoke(app, list(arguments), input=said)
        assert done.exit_code == 0, done.output
        return done.stdout

    packed = json.loads(run("pack", "2026-10", "--output", str(tmp_path / "pack"), "--json"))
    assert packed["statements"] == 2
    assert (tmp_path / "pack" / "index.html").exists()
    assert {row["tenant_id"] for row in json.loads(run("export", "fct_statements", "--json"))} == {
        "acme-dental",
        "bright-smiles",
    }
    own = run("export", "fct_statements", "--tenant", "acme-dental")
    assert "acme-dental" in own
    assert "bright-smiles" not in own
    assert CliRunner().invoke(app, ["export", "fct_margin_monthly", "--tenant", "acme-dental"]).exit_code == 1
    for mart in world.marts():
        if not world.analysts_read(mart):
            assert CliRunner().invoke(app, ["export", mart["name"]]).exit_code == 1
            continue
        rows = json.loads(run("export", mart["name"], "--json"))
        written = list(csv.DictReader(io.StringIO(run("export", mart["name"]))))
        assert [list(row) for row in written] == [list(row) for row in rows], mart["name"]
    run("login", "create", "ana@example.com", "--role", "finance", said="a long and boring password\n")
    assert json.loads(run("login", "list", "--json"))[0]["login_id"] == "ana@example.com"
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from control.login_passwords").fetchone() == (1,)
