"""The API is what its own document says: schemathesis sends what the document allows, and what it does not."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests.intake.served import serving

CONFIG = Path(__file__).with_name("schemathesis.toml")
SEED, EXAMPLES = 1, 40
# Of all times schemathesis likes this one best; so the API takes some of what it sends.
ITS_DAY = datetime(2000, 1, 1, 12, tzinfo=UTC)


def test_schemathesis_finds_no_fault_with_the_document_or_the_api(url: str, tmp_path: Path, acme_key: str) -> None:
    with serving(url, tmp_path, now=lambda: ITS_DAY) as address:
        document = f"{address}/v1/openapi.json"
        assert httpx.get(document).json()["openapi"] == "3.1.0", "it is public"
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", document, "--no-color"),
            *("--header", f"Authorization: Bearer {acme_key}", "--phases", "examples,coverage,fuzzing"),
            *("--max-examples", str(EXAMPLES), "--seed", str(SEED), "--generation-database", "none"),
        ]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=tmp_path)
    assert ran.returncode == 0, f"seed {SEED}\n{ran.stdout[:6_000]}{ran.stdout[-6_000:]}{ran.stderr[-2_000:]}"
    assert "Tested: 2" in ran.stdout, ran.stdout
