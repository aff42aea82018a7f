from tests.marts.conftest import warehouse

__all__ = ["warehouse"]
