"""Invariant 10: canaries in every credential, address and header; every step fails once; nothing anywhere holds one."""

import base64
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from orchestration.dagster_internals import home as dagster_home
from tests.cli.conftest import EXAMPLE
from tests.ingestion.house import call
from tests.isolation.secrets.leaks import Deployment, files_under, found_in, minimal_environment
from tests.sandbox.faults import ok_with, status
from tests.sandbox.server import Sandbox, serving
from tests.sandbox.story import MetricRow
from tests.sandbox.stripe import StripeSandbox
from tests.sandbox.usage_database import write_usage
from tests.sandbox.world import VapiAccount, VoiceflowProject, World, in_memory
from tests.sources.test_allowed import CANARY, SECRETS_OF_A_CALL
from warehouse.database.embedded import running
from warehouse.security.process_logins import dagster_url, derived

SECRETS = {
    "vapi key": "canary-vapi-4c1f77d0e2",
    "tenant's vapi key": "canary-own-vapi-88b1d3",
    "former vapi key": "canary-old-vapi-10aa9f",
    "voiceflow key": "VF.DM.canary-voiceflow-5e20",
    "usage database's password": "canary/usage+pw@71",
    "master key": base64.b64encode(b"canary-master-key-of-32-bytes-01").decode(),
    "stripe key": "sk_test_canaryStripeKey9X2b7",
    "webhook secret": "whsec_canaryWebhook55f1",
}
# What a provider may tell us and must not: each place of its schema that may hold it.
TOLD_SECRETS = {name: part for name, part in SECRETS_OF_A_CALL.items() if name not in ("costs", "name")}
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
DAY = ["--from", str(YESTERDAY), "--to", str(YESTERDAY)]
# Everything the server is asked and answers is logged, parameters too: the strictest reading of "Postgres logs".
TALKATIVE = {"log_statement": "all", "log_min_duration_statement": "0", "log_connections": "on", "fsync": "off"}
STRIPE_PATHS = (
    *("/v1/account", "/v1/billing/meters", "/v1/billing/meter_events", "/v1/products", "/v1/prices"),
    *("/v1/customers", "/v1/subscriptions", "/v1/invoices", "/v1/invoiceitems"),
)
DAGSTER_RUN = f"""
import dagster as dg
from orchestration.definitions import defs
i = dg.DagsterInstance.get()
i.add_dynamic_partitions("tenant", ["acme"])
tags = {{f"dagster/asset_partition_range_{{end}}": "acme|{YESTERDAY}" for end in ("start", "end")}}
done = defs.resolve_job_def("pull_usage").execute_in_process(instance=i, tags=tags, raise_on_error=False)
print("run", done.success)
"""
# A page, an error and a refused form of it, as a browser gets them, headers too; then with a database that is gone.
PAGES = """
import os
from starlette.testclient import TestClient
from orchestration.web import application
from orchestration.settings import Settings

def look():
    settings = Settings.from_environment()
    with TestClient(application(settings), raise_server_exceptions=False) as client:
        for answer in (client.get("/"), client.get("/sign-in"), client.get("/none"), client.post("/sign-in", data={})):
            print(answer.status_code, dict(answer.headers), answer.text)

look()
os.environ["MINUTEBOOK_DATABASE_URL"] = "postgresql://x:canary-vapi-4c1f77d0e2@127.0.0.1:1/d"
look()
"""


@pytest.fixture
def deployment() -> Iterator[tuple[Deployment, str, Sandbox, Path]]:
    project = VoiceflowProject(environments={"production": "e1"})
    number = "2f6a0d4e-3b1c-4a57-9f0e-000000000001"
    world = World(
        vapi={
            SECRETS["vapi key"]: VapiAccount(
                in_memory([call("one", YESTERDAY, phone_number_id=number, **TOLD_SECRETS)])
            ),
            SECRETS["tenant's vapi key"]: VapiAccount(in_memory([]), is_rejected=True),
        },
        voiceflow={SECRETS["voiceflow key"]: {"66f0a1b2c3d4e5f600000001": project}},
    )
    with (
        tempfile.TemporaryDirectory(prefix="minutebook-leaks-") as folder,
        serving(world) as sandbox,
        StripeSandbox() as stripe,
        running(Path(folder), settings=TALKATIVE) as url,
    ):
        environment = minimal_environment(
            MINUTEBOOK_HOME=folder,
            MINUTEBOOK_VAPI_URL=sandbox.vapi_url,
            MINUTEBOOK_VOICEFLOW_URL=sandbox.voiceflow_url,
            MINUTEBOOK_USAGE_DATABASE_URL=usage_database(url),
            MINUTEBOOK_MASTER_KEYS=SECRETS["master key"],
            MINUTEBOOK_STRIPE_URL=stripe.url,
            MINUTEBOOK_STRIPE_API_KEY=SECRETS["stripe key"],
            MINUTEBOOK_STRIPE_WEBHOOK_SECRET=SECRETS["webhook secret"],
        )
        yield Deployment(environment), url, sandbox, Path(folder)


def usage_database(url: str) -> str:
    """The platform's own database, whose reader has a canary for a password; set by verifier, as we do."""
    address = conninfo_to_dict(url)
    with psycopg.connect(url, autocommit=True) as owner:
        verifier = owner.pgconn.encrypt_password(
            SECRETS["usage database's password"].encode(), b"usage_reader", b"scram-sha-256"
        ).decode()
        owner.execute("create database platform")
        owner.execute(f"create role usage_reader login password '{verifier}'")
        platform = url.rpartition("/")[0] + "/platform"
        at = datetime.combine(YESTERDAY, datetime.min.time(), UTC)
        write_usage(platform, [MetricRow("acme-reception", "ocr_scan", Decimal(3), Decimal("0.2"), at)])
    with psycopg.connect(platform, autocommit=True) as owner:
        owner.execute("grant select on agent_usage_metrics to usage_reader")
    return f"postgresql://usage_reader:canary%2Fusage%2Bpw%4071@127.0.0.1:{address['port']}/platform"


def test_10_no_secret_is_readable_anywhere_but_in_the_vault(
    deployment: tuple[Deployment, str, Sandbox, Path],
) -> None:
    minutebook, url, sandbox, home = deployment
    own = {**SECRETS, "secret in an answer": CANARY, "owner's password": (home / "postgres" / "password").read_text()}
    own |= {
        f"password of {parts['user']}": str(parts["password"])
        for parts in map(conninfo_to_dict, {*derived(url).logins.values(), dagster_url(derived(url))})
    }
    run_everything(minutebook, url, sandbox)
    # A password that is given out is said once, to who asked for it, and nowhere else.
    minutebook.run("access", "grant", "--role", "analyst", "--login", "metabase", "--json")
    own["password given out"] = json.loads(minutebook.said.pop()[1])["password"]
    minutebook.run("access", "list", "--json")
    minutebook.run("audit", "list", "--json")
    own["password of a person"] = "canary password of ana 77"
    minutebook.run("login", "create", "ana", "--role", "finance", given=own["password of a person"])
    minutebook.run("access", "revoke", "metabase")

    reported = [(name, found_in(text.encode(), own)) for name, text in minutebook.said]
    assert [one for one in reported if one[1]] == []

    # Where they must be: the owner's password beside the data. Where PostgreSQL keeps pages, nothing readable either.
    kept = [(path, found_in(content, own)) for path, content in files_under(home)]
    assert [one for one in kept if one[1]] == [(home / "postgres" / "password", ["owner's password"])]
    assert {"log"} <= {path.name for path, _ in kept}
    assert any("dbt" in path.parts for path, _ in kept)

    with psycopg.connect(url) as owner:
        for (table,) in owner.execute(
            "select c.oid::regclass::text from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')"
        ).fetchall():
            with owner.cursor().copy(f"copy {table} to stdout") as rows:  # type: ignore[call-overload]
                assert found_in(b"".join(bytes(row) for row in rows), own) == [], table
        assert owner.execute("select count(*) > 0 from dagster.event_logs").fetchone() == (True,)
        reported = owner.execute(
            "select count(distinct cause_code) from ledger.pulls where state = 'failed'"
        ).fetchone()
        assert reported is not None
        assert reported[0] >= 4


def run_everything(minutebook: Deployment, url: str, sandbox: Sandbox) -> None:
    """A month's work, each step of which fails at least once, some by a provider that repeats our header to us."""
    wrong_usage = minutebook.environment["MINUTEBOOK_USAGE_DATABASE_URL"].replace("usage_reader", "nobody")
    every_key = " ".join(SECRETS.values())
    minutebook.run(
        "init", fails=True, MINUTEBOOK_DATABASE_URL=f"postgresql://x:{'canary-vapi-4c1f77d0e2'}@127.0.0.1:1/d"
    )
    minutebook.run("init")
    minutebook.run("tenant", "apply", str(EXAMPLE))

    minutebook.run("credential", "set", "vapi", given=f"{SECRETS['vapi key']} {every_key}", fails=True)
    minutebook.run(
        "credential", "set", "vapi", given=SECRETS["vapi key"], fails=True,
        MINUTEBOOK_MASTER_KEYS=SECRETS["master key"] + "x",
    )  # fmt: skip
    minutebook.run("credential", "set", "vapi", given=SECRETS["former vapi key"])
    minutebook.run("credential", "verify", "vapi", "--json", fails=True)
    minutebook.run("credential", "set", "vapi", "--json", given=SECRETS["vapi key"])
    minutebook.run("credential", "set", "voiceflow", "--tenant", "acme", "--json", given=SECRETS["voiceflow key"])

    # A provider that repeats to us the key we sent, with and without its scheme.
    asked = {
        "/vapi/call": SECRETS["vapi key"],
        "/vapi/analytics": SECRETS["vapi key"],
        "/voiceflow/v2/query/usage": SECRETS["voiceflow key"],
    }
    for make in (
        lambda key: status(401, body={"message": ["No such key:", key, f"Bearer {key}"]}),
        lambda key: status(500, body=f"authorization: Bearer {key}".encode()),
        lambda key: ok_with(f"<html>{key}</html>".encode()),
    ):
        for path, key in asked.items():
            sandbox.faults.script(path, make(key), times=20)
        minutebook.run("pull", *DAY, "--json", fails=True)
        minutebook.run("credential", "verify", "vapi", fails=None)
        sandbox.faults.clear()
    minutebook.run("pull", *DAY, "--source", "usage_metrics", fails=True, MINUTEBOOK_USAGE_DATABASE_URL=wrong_usage)
    master = base64.b64encode(b"another-master-key-of-32-bytes-x").decode()
    minutebook.run("pull", *DAY, "--source", "vapi", fails=True, MINUTEBOOK_MASTER_KEYS=master)
    minutebook.run("doctor", "--json", fails=True, MINUTEBOOK_MASTER_KEYS=master)

    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("revoke insert on raw_vapi.calls_landing from minutebook_loader")
        for fails in (True, None):  # with its traceback, and in one line
            minutebook.run("pull", *DAY, "--source", "vapi", fails=fails)
        dagster = dagster_home.environment(derived(url), Path(minutebook.environment["MINUTEBOOK_HOME"]))
        assert "run False" in minutebook.python(DAGSTER_RUN, **dagster)
        owner.execute("grant insert on raw_vapi.calls_landing to minutebook_loader")
        assert "run" in minutebook.python(DAGSTER_RUN, **dagster)
        minutebook.run("pull", *DAY, "--json")

        owner.execute("revoke usage on schema control from minutebook_transformer")
        minutebook.run("build", fails=True)
        owner.execute("grant usage on schema control to minutebook_transformer")
        minutebook.run("build", "--json")

    minutebook.run("credential", "set", "vapi", "--tenant", "acme", given=SECRETS["tenant's vapi key"])
    minutebook.run("credential", "verify", "vapi", "--tenant", "acme", fails=True)
    minutebook.run("credential", "list", "--json")
    minutebook.run("doctor", "--json", fails=True)
    minutebook.run("status", "--json")
    # Nor is a Stripe that repeats our key to us told on: every question of ours gets it back.
    echo = {"error": {"type": "invalid_request_error", "message": f"Invalid API Key provided: {SECRETS['stripe key']}"}}
    for path in STRIPE_PATHS:
        sandbox.faults.script(path, status(401, body=echo), times=20)
    for stripe in (minutebook.environment["MINUTEBOOK_STRIPE_URL"], sandbox.url):
        for step in (["stripe", "sync", "--again"], ["post"], ["reconcile"]):
            minutebook.run("--debug", *step, "--json", fails=None, MINUTEBOOK_STRIPE_URL=stripe)
    assert any(request.path in STRIPE_PATHS and SECRETS["stripe key"] in request.key for request in sandbox.received)
    # The pages, when what they stand on is gone.
    minutebook.python(PAGES)
