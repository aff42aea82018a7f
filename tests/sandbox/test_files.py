from datetime import date
from pathlib import Path

import yaml

from orchestration.cli.control.tenant_apply import apply
from orchestration.cli.control.tenant_file import read
from tests.sandbox import clients
from tests.sandbox.files import keys, write_files
from warehouse.control.changes import Action
from warehouse.database.connect import Role, connect


def test_the_storys_files_are_tenants_to_the_command_line(tmp_path: Path) -> None:
    files = [read(path) for path in write_files(tmp_path, date(2026, 3, 1))]
    assert [file.tenant.id for file in files] == [tenant.tenant_id for tenant in clients.TENANTS]
    meters = {meter.id for meter in files[0].meters}
    assert {price.meter for plan in files[0].plans for price in plan.prices} == meters
    assert {step.plan for file in files for step in file.tenant_plans} == {plan.id for plan in files[0].plans}


def test_no_key_is_in_a_file(tmp_path: Path) -> None:
    texts = [path.read_text() for path in write_files(tmp_path, date(2026, 3, 1))]
    assert len(keys()) == 4
    assert not [secret for _, _, secret in keys() for text in texts if secret in text]
    assert all(yaml.safe_load(text) for text in texts)


def test_the_storys_files_are_applied_once(database_url: str, tmp_path: Path) -> None:
    for action in (Action.CREATED, Action.UNCHANGED):
        for path in write_files(tmp_path, date(2026, 3, 1)):
            with connect(database_url, Role.OPERATOR) as connection:
                changes = apply(connection, read(path))
            assert {change.action for change in changes} == {action}
