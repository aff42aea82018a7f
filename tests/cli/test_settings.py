"""The environment, read in one place."""

from pathlib import Path

import pytest

from orchestration.settings import Settings, SettingsError
from tests.cli.conftest import MASTER_KEY


def test_without_any_variable_the_embedded_server_and_the_real_providers_are_used(tmp_path: Path) -> None:
    settings = Settings.from_environment({"MINUTEBOOK_DATABASE_URL": " ", "MINUTEBOOK_HOME": str(tmp_path)})
    assert settings.is_embedded
    assert settings.addresses == {}
    assert repr(settings.vault()) == repr(settings.vault())  # generated once, then the same


def test_a_database_of_ones_own_needs_a_master_key() -> None:
    settings = Settings.from_environment({"MINUTEBOOK_DATABASE_URL": "postgresql://me:pw@db/minutebook"})
    with pytest.raises(SettingsError, match="MINUTEBOOK_MASTER_KEYS is not set"):
        settings.vault()


@pytest.mark.parametrize("name", ["DATABASE_URL", "VAPI_URL", "VOICEFLOW_URL"])
def test_what_is_no_url_is_told_by_the_variables_name_alone(name: str) -> None:
    with pytest.raises(SettingsError, match=f"MINUTEBOOK_{name}") as reported:
        Settings.from_environment({f"MINUTEBOOK_{name}": "open-sesame"})
    assert "open-sesame" not in str(reported.value)


def test_no_secret_is_in_the_settings_repr() -> None:
    url = "postgresql://me:open-sesame@db/minutebook"
    names = ("MINUTEBOOK_DATABASE_URL", "MINUTEBOOK_USAGE_DATABASE_URL")
    settings = Settings.from_environment({**dict.fromkeys(names, url), "MINUTEBOOK_MASTER_KEYS": MASTER_KEY})
    assert "open-sesame" not in repr(settings)
    assert MASTER_KEY not in repr(settings)
