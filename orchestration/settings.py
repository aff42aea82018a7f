"""Where this deployment lives and whom it asks: the only place that reads the environment.

MINUTEBOOK_DATABASE_URL         PostgreSQL; unset means the embedded server under the home folder
MINUTEBOOK_<ROLE>_DATABASE_URL  the same with the login of one role: LOADER, TRANSFORMER, BILLING, OPERATOR, INTAKE,
                                SERVER for readers, AUTOMATIONS (run under it alone); unset, that work acts as it above
MINUTEBOOK_HOME                 state folder, default .minutebook
MINUTEBOOK_BACKUP_FOLDER        where the embedded server archives its log and `minutebook backup` puts copies
MINUTEBOOK_HOSTS                names under which people reach the pages, comma-separated; this machine's own are known
MINUTEBOOK_MASTER_KEYS          master keys, newest first; a generated one serves the embedded server only
MINUTEBOOK_MASTER_KEYS_FILE     a file that holds them instead, such as a mounted secret
MINUTEBOOK_<PROVIDER>_URL       address of a provider that is read, default the real one (`minutebook source list`)
MINUTEBOOK_USAGE_DATABASE_URL   the platform's own database holding agent_usage_metrics
MINUTEBOOK_STRIPE_URL           base URL of Stripe, default the real one
MINUTEBOOK_STRIPE_API_KEY       Stripe's secret key
MINUTEBOOK_STRIPE_WEBHOOK_SECRET  signing secrets of the webhook endpoints, newest first, comma-separated
MINUTEBOOK_STRIPE_GRACE_HOURS   grace set in Stripe's invoice settings, 24 to 72, until an invoice shows it
MINUTEBOOK_STRIPE_RATE          calls a second, default 80; Stripe allows 100 live and 25 in test mode
MINUTEBOOK_SUPERSEDED_DAYS      days until raw rows of superseded and failed pulls are purged, default 35
MINUTEBOOK_UI_DAYS              days back that partitions of the Dagster UI begin, default 400; `up` takes fewer with
                                many tenants, and older days stay within reach of `minutebook pull`
MINUTEBOOK_SERVERS              `minutebook serve` processes behind one proxy, default 1: each allows its share of what
                                a tenant may push
MINUTEBOOK_BROKER_URL           Redis, redis://:PASSWORD@HOST:6379/0 or rediss://…, a secret: runs are done on hosts by
                                `minutebook worker`; unset, on the machine of `minutebook up`
MINUTEBOOK_SHARDS               runs into which a night of the tenants of the shard `shared` is split, default 1
MINUTEBOOK_PARTITIONS           tenant, the default, or shard: of what and usage date the partitions of the Dagster UI
                                are; the same for all processes, and shard from 1,500 tenants on (docs/scaling.md)
MINUTEBOOK_SHARD_TAGS           tags of a shard's runs as JSON, {"acme": {"dagster-k8s/config": "…"}}
MINUTEBOOK_SMTP_URL             the mail server, smtps://USER:PASSWORD@HOST or smtp://… (STARTTLS), a secret; unset, no
                                mail is sent
MINUTEBOOK_MAIL_FROM            in whose name mail is sent: Minutebook <minutebook@example.com>
MINUTEBOOK_METRICS_TOKEN        who reads /metrics, newest first, comma-separated; unset, nobody does
MINUTEBOOK_LOGS                 json: runs print one JSON object a line, as what serves does; unset, text
MINUTEBOOK_TRACES_URL           a collector of traces, OTLP over HTTP: http://collector:4318; unset, there are none. Its
                                headers and how much is kept: OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER
MINUTEBOOK_PUBLIC_URL           where people reach the pages, for links in outgoing events (unset, these are paths) and
                                links that set a password (unset, to this machine, and none is mailed to a stranger)
MINUTEBOOK_ENDPOINT_NETWORKS    private networks that outgoing events may be sent to, as CIDR, comma-separated
MINUTEBOOK_AUTOMATIONS          the module whose workflows are run for tenants with that flag (docs/automations.md)
MINUTEBOOK_METABASE_URL         where people reach Metabase
MINUTEBOOK_METABASE_SECRET_KEY  its embedding secret key, which signs tenants' links
MINUTEBOOK_METABASE_API_KEY     an admin's API key: after a build Metabase syncs and gets each column's description
MINUTEBOOK_METABASE_DATABASE    how our database is named in Metabase, default Minutebook

Set for the processes that we start, not by people:

MINUTEBOOK_DAGSTER_URL          Dagster's own storage, named by dagster.yaml
MINUTEBOOK_DBT_*                connection, session, day and parent process of dbt; who runs dbt by hand sets
                                MINUTEBOOK_DBT_AS_OF=YYYY-MM-DD
MINUTEBOOK_CLOCK_OFFSET         seconds by which tests move the clock (`warehouse/clock.py`)
"""

import getpass
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from orchestration import setting_values as values
from orchestration.mail import Mailer
from orchestration.outgoing.reaching import Network
from orchestration.setting_values import SettingsError
from sources.registry import all_sources
from warehouse.database import backup, embedded
from warehouse.database.connect import Addresses, Role
from warehouse.security import process_logins
from warehouse.security.master_keys import generated_master_keys, master_keys_of_file, parse_master_keys
from warehouse.security.vault import Vault

__all__ = ["MASTER_KEYS", "Settings", "SettingsError"]

MASTER_KEYS = "MINUTEBOOK_MASTER_KEYS"
PROCESSES = {
    Role.LOADER: "LOADER",
    Role.TRANSFORMER: "TRANSFORMER",
    Role.BILLING: "BILLING",
    Role.OPERATOR: "OPERATOR",
    Role.ANALYST: "SERVER",
    Role.TENANT: "SERVER",
    Role.SERVER: "SERVER",
    Role.INTAKE: "INTAKE",
    Role.AUTOMATIONS: "AUTOMATIONS",
}


@dataclass(frozen=True)
class Settings:
    """One deployment. Addresses and keys are secrets and stay out of its repr; `addresses` are those of providers, by
    the name that their source declares.
    """

    home: Path
    database_url: str | None = field(default=None, repr=False)
    process_urls: Mapping[Role, str] = field(default_factory=dict, repr=False)
    backup_folder: Path | None = None
    hosts: tuple[str, ...] = ()
    master_keys: str | None = field(default=None, repr=False)
    master_keys_file: Path | None = None
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)
    stripe_url: str = "https://api.stripe.com"
    stripe_api_key: str | None = field(default=None, repr=False)
    stripe_webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    stripe_rate: float = values.STRIPE_RATE
    stripe_grace: timedelta | None = None
    superseded_days: int = 35
    ui_days: int | None = None
    servers: int = 1
    broker_url: str | None = field(default=None, repr=False)
    shards: int = 1
    shard_tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    has_shard_partitions: bool = False
    mailer: Mailer | None = None
    metrics_tokens: tuple[str, ...] = field(default=(), repr=False)
    has_json_logs: bool = False
    traces_url: str | None = field(default=None, repr=False)
    public_url: str | None = None
    endpoint_networks: tuple[Network, ...] = ()
    automations: str | None = None
    metabase_url: str | None = None
    metabase_secret_key: str | None = field(default=None, repr=False)
    metabase_api_key: str | None = field(default=None, repr=False)
    metabase_database: str = "Minutebook"
    acting_for: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the variables above; an empty one counts as unset. Raises SettingsError for a URL that cannot be one."""

        def value(name: str) -> str | None:
            return environment.get(f"MINUTEBOOK_{name}", "").strip() or None

        settings = cls(
            home=Path(value("HOME") or ".minutebook").expanduser().absolute(),
            database_url=value("DATABASE_URL"),
            process_urls={
                role: url for role, name in PROCESSES.items() if (url := value(f"{name}_DATABASE_URL")) is not None
            },
            backup_folder=Path(folder).expanduser().absolute() if (folder := value("BACKUP_FOLDER")) else None,
            hosts=values.listed(value("HOSTS")),
            master_keys=value("MASTER_KEYS"),
            master_keys_file=Path(file).expanduser() if (file := value("MASTER_KEYS_FILE")) else None,
            addresses={
                source.address: address
                for source in all_sources().values()
                if (address := value(source.address)) is not None
            },
            stripe_url=value("STRIPE_URL") or cls.stripe_url,
            stripe_api_key=value("STRIPE_API_KEY"),
            stripe_webhook_secrets=values.listed(value("STRIPE_WEBHOOK_SECRET")),
            stripe_rate=values.rate(value("STRIPE_RATE")),
            stripe_grace=values.grace(value("STRIPE_GRACE_HOURS")),
            superseded_days=values.days("SUPERSEDED_DAYS", value("SUPERSEDED_DAYS")) or cls.superseded_days,
            ui_days=values.days("UI_DAYS", value("UI_DAYS")),
            servers=values.count("SERVERS", "processes", value("SERVERS")),
            broker_url=value("BROKER_URL"),
            shards=values.count("SHARDS", "runs", value("SHARDS")),
            shard_tags=values.shard_tags(value("SHARD_TAGS")),
            has_shard_partitions=values.is_shard(value("PARTITIONS")),
            mailer=values.mailer_of(value("SMTP_URL"), value("MAIL_FROM")),
            metrics_tokens=values.tokens(value("METRICS_TOKEN")),
            has_json_logs=values.is_json(value("LOGS")),
            traces_url=value("TRACES_URL"),
            public_url=value("PUBLIC_URL"),
            endpoint_networks=values.networks_of(value("ENDPOINT_NETWORKS")),
            automations=value("AUTOMATIONS"),
            metabase_url=value("METABASE_URL"),
            metabase_secret_key=value("METABASE_SECRET_KEY"),
            metabase_api_key=value("METABASE_API_KEY"),
            metabase_database=value("METABASE_DATABASE") or cls.metabase_database,
        )
        for name, url, schemes in (
            ("DATABASE_URL", settings.database_url, {"postgresql", "postgres"}),
            *(
                (f"{PROCESSES[role]}_DATABASE_URL", url, {"postgresql", "postgres"})
                for role, url in settings.process_urls.items()
            ),
            *((name, url, {"http", "https", "postgresql", "postgres"}) for name, url in settings.addresses.items()),
            ("STRIPE_URL", settings.stripe_url, {"http", "https"}),
            ("BROKER_URL", settings.broker_url, {"redis", "rediss"}),
            ("TRACES_URL", settings.traces_url, {"http", "https"}),
            ("PUBLIC_URL", settings.public_url, {"http", "https"}),
            ("METABASE_URL", settings.metabase_url, {"http", "https"}),
        ):
            if url is not None and urlsplit(url).scheme not in schemes:
                raise SettingsError(f"MINUTEBOOK_{name} is no URL of {' or '.join(sorted(schemes))}://…")
        return settings

    @property
    def is_embedded(self) -> bool:
        """Whether Minutebook runs its own PostgreSQL under the home folder."""
        return self.database_url is None

    @property
    def actor(self) -> str:
        """Who is at the keyboard, or who asked on a page for what we do, for the audit log."""
        if self.acting_for is not None:
            return self.acting_for
        try:
            return getpass.getuser()
        except (OSError, KeyError, ImportError):  # a container's user without a name
            return str(os.getuid())

    @property
    def secrets(self) -> tuple[str, ...]:
        """Everything here that nobody may read, each as it may stand in a text."""
        urls = [
            url for url in (self.database_url, *self.process_urls.values(), self.traces_url, self.broker_url) if url
        ]
        urls += [url for url in self.addresses.values() if not url.startswith("http")]
        keys = [key.strip() for key in (self.master_keys or "").split(",")]
        keys += [self.stripe_api_key or "", *self.stripe_webhook_secrets, *self.metrics_tokens]
        keys += [self.metabase_api_key or "", self.metabase_secret_key or ""]
        return tuple(text for text in (*urls, *(urlsplit(url).password or "" for url in urls), *keys) if text)

    def page(self, path: str) -> str:
        """A page's address as people reach it; on this machine where MINUTEBOOK_PUBLIC_URL is unset."""
        return (self.public_url or "http://127.0.0.1:8400").rstrip("/") + path

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a server that is up while the context lasts: the configured one, or the embedded one."""
        if self.database_url is not None:
            yield Addresses(self.database_url, self.process_urls)
            return
        archiving = backup.archiving(self.backup_folder) if self.backup_folder else None
        with embedded.running(self.home, settings=archiving) as url:
            yield process_logins.derived(url)

    def vault(self) -> Vault:
        """The vault under this deployment's master keys, newest first. A key is generated for the embedded server only.

        Raises SettingsError when a database URL is set but no master key is.
        """
        if self.master_keys is not None:
            return Vault(parse_master_keys(self.master_keys))
        if self.master_keys_file is not None:
            return Vault(master_keys_of_file(self.master_keys_file))
        if self.is_embedded:
            return Vault(generated_master_keys(self.home / "master_keys"))
        raise SettingsError(
            f"{MASTER_KEYS} is not set, and with a database of your own no key is generated beside the data: "
            "make one with `openssl rand -base64 32`, keep it safe, and export it"
        )

    @staticmethod
    def environment_with(additional: Mapping[str, str]) -> dict[str, str]:
        """The environment of a process that we start: ours, and what it needs besides."""
        return {**os.environ, **additional}
