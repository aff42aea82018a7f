from tests.sandbox.fixture import sandbox

__all__ = ["sandbox"]
