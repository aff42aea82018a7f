"""Every mart says what each row and column is, holds to it by contract, and the documentation generates."""

import json
from pathlib import Path

from orchestration.marts.building import environment, manifest, variables
from tests.money.acme import FEBRUARY_3


def test_every_mart_is_under_contract_and_described_and_the_docs_generate(database_url: str, tmp_path: Path) -> None:
    from dbt.cli.main import dbtRunner  # three seconds, which collecting the tests need not pay

    nodes = json.loads(manifest(tmp_path).read_text())["nodes"].values()
    marts = [node for node in nodes if node["resource_type"] == "model" and node["schema"] == "marts"]
    assert len(marts) >= 15
    lacking = [
        f"{node['name']}.{name}"
        for node in marts
        for name, column in [("", node), *node["columns"].items()]
        if not column["description"] or not node["config"]["contract"]["enforced"]
    ]
    assert not lacking
    with environment(database_url, tmp_path, FEBRUARY_3):
        answer = dbtRunner().invoke(["--quiet", "docs", "generate", *variables()])
    assert answer.success
    assert (tmp_path / "dbt" / "target" / "catalog.json").exists()
