import pytest

from globaldns.registry.registry import Registry
from tests.registry.mesh import export, reset, settings, settled


@pytest.fixture
def registry() -> Registry:
    """One host, exported by one of two clusters, and numbered."""
    return settled(Registry(settings()), reset("east", export("a.ns")), reset("west"))
