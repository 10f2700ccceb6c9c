"""How the sets of tests are run."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# No law fails because a machine is slow. The gate tries the same examples each time, so that it
# tells of the change alone; whoever runs the tests by hand tries others.
settings.register_profile("laws", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("laws")

AT_ONCE = 2
"""Processes per core: most tests wait for something more than they work."""


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread the unit set over all cores; the others have the machine for themselves (0)."""
    is_unit_set = config.option.markexpr == "not system"
    return AT_ONCE * (os.cpu_count() or 1) if is_unit_set else 0
