"""Staging, intermediate and marts: every dbt model is an asset, every dbt test a check on it."""

import os
from collections.abc import Iterator, Mapping, Set
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from orchestration.marts import building, dbt_process
from orchestration.resources import Minutebook
from warehouse import clock


class BuildConfig(dg.Config):
    """What an operator may choose when launching a build by hand."""

    full_refresh: bool = False  # forget what was built before and read every published pull again


class HouseTranslator(DagsterDbtTranslator):
    """The one place where a dbt node becomes an asset: key [schema, table] as in Postgres, group = schema."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """[schema, table], for sources too: so raw assets and control tables are upstream of the models that read
        them."""
        name = dbt_resource_props.get("identifier") or dbt_resource_props.get("alias") or dbt_resource_props["name"]
        return dg.AssetKey([dbt_resource_props["schema"], name])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The schema, which is the first folder under models/ too."""
        if dbt_resource_props["resource_type"] == "source":
            return None
        return str(dbt_resource_props["schema"])


frozen_tables = [
    dg.AssetSpec(["ledger", table], group_name="ledger", description=text, kinds={"postgres"})
    for table, text in {
        "periods": "Billing periods that were approved or closed.",
        "statement_lines": "The lines that approval froze.",
        "coverage": "What is owed of approved overage after what Stripe charges and our items add.",
    }.items()
]


def marts(home: Path) -> list[dg.AssetsDefinition]:
    """The dbt assets, from the manifest kept under the home folder (parsed when the project changed): what is posted
    from, and what is made after posting. In one step the ledger's postings would be made of it and it of them."""
    manifest = building.manifest(home)

    @dbt_assets(
        manifest=manifest,
        exclude=building.AFTER_POSTING,
        dagster_dbt_translator=HouseTranslator(),
        name="dbt_build",
        pool="build",
    )
    def build(context: dg.AssetExecutionContext, config: BuildConfig, minutebook: Minutebook) -> Iterator[Any]:
        _refuse_a_part(context.selected_asset_keys, build.keys)
        as_of = clock.today()
        with minutebook.database() as url, building.recorded(url, as_of) as begun:
            arguments = building.arguments_of(begun, config.full_refresh)
            yield from _run_dbt(context, minutebook, url, as_of, arguments)

    @dbt_assets(
        manifest=manifest,
        select=building.AFTER_POSTING,
        dagster_dbt_translator=HouseTranslator(),
        name="dbt_build_after_posting",
        pool="build",
    )
    def build_after_posting(context: dg.AssetExecutionContext, minutebook: Minutebook) -> Iterator[Any]:
        with minutebook.database() as url, building.comparing(url):
            yield from _run_dbt(context, minutebook, url, clock.today(), building.build_arguments())

    return [build, build_after_posting]


def _run_dbt(
    context: dg.AssetExecutionContext, minutebook: Minutebook, url: str, as_of: date, arguments: list[str]
) -> Iterator[Any]:
    """Run dbt for the assets of the step."""
    home = minutebook.settings.home
    dbt = DbtCliResource(
        project_dir=os.fspath(building.PROJECT),
        profiles_dir=os.fspath(building.PROJECT),
        dbt_executable=os.fspath(dbt_process.executable(home)),
    )
    with building.environment(url, home, as_of):
        yield from dbt.cli(arguments, context=context, target_path=building.target_folder(home)).stream()


def _refuse_a_part(chosen: Set[dg.AssetKey], models: Set[dg.AssetKey]) -> None:
    """A model remembers what was built as if all had been: some of them alone would leave the rest old for good.
    dbt's tests may be run alone."""
    if chosen and chosen != models:
        raise dg.Failure(
            f"the marts are built together, and only some were chosen ({len(chosen)} of {len(models)}): launch the job"
            " build_marts, which makes again only what changed",
            allow_retries=False,
        )
