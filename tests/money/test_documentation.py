"""Every mart says what each row and column is, holds to it by contract, and the documentation generates."""

import json
from pathlib import Path

from orchestration.marts.building import environment, target_folder, variables
from tests.money.acme import FEBRUARY_3


def test_every_mart_is_under_contract_and_described_and_the_docs_generate(database_url: str, dbt_home: Path) -> None:
    from dbt.cli.main import dbtRunner  # three seconds, which collecting the tests need not pay

    with environment(database_url, dbt_home, FEBRUARY_3):
        answer = dbtRunner().invoke(["--quiet", "docs", "generate", *variables()])
    assert answer.success
    manifest, catalog = (
        json.loads((target_folder(dbt_home) / name).read_text())["nodes"] for name in ("manifest.json", "catalog.json")
    )
    marts = [node for node in manifest.values() if node["resource_type"] == "model" and node["schema"] == "marts"]
    assert len(marts) >= 15
    assert {node["unique_id"] for node in marts} <= set(catalog)
    lacking = [
        f"{node['name']}.{name}"
        for node in marts
        for name, column in [("", node), *node["columns"].items()]
        if not column["description"] or not node["config"]["contract"]["enforced"]
    ]
    assert not lacking
