"""The JSON Schema of each event as a file of docs/events. `make events` writes them."""

from orchestration.outgoing.contract import VERSION, schemas
from tests.architecture.test_house import ROOT

if __name__ == "__main__":
    for event_type, schema in schemas().items():
        (ROOT / "docs" / "events" / f"{event_type}.v{VERSION}.json").write_bytes(schema)
