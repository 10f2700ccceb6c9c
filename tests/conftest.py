"""How the sets of tests are run."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# No law fails because a machine is slow. The gate tries the same examples each time, so that it
# tells of the change alone; whoever runs the tests by hand tries others.
settings.register_profile("laws", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("laws")

AT_ONCE = 2
"""Processes per core: most tests wait for something more than they work."""
SYSTEMS = 2
"""Processes for the system set, whose tests start dozens each, and wait for them."""
WATCHFUL = ("tests/system/test_demo.py", "tests/system/test_envoy.py")
"""Never side by side: their Envoys watch files, and the kernel lets a user do so 128 times."""


class ByFile(LoadScopeScheduling):
    """Gives each process whole files: what their tests share takes long to start."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return WATCHFUL[0] if file in WATCHFUL else file


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Spread the unit set over all cores, and the system set over few processes."""
    numbers = {"not system": AT_ONCE * (os.cpu_count() or 1), "system": SYSTEMS}
    return numbers.get(config.option.markexpr, 0)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """Return who hands out the system set; None: the usual."""
    return ByFile(config, log) if config.option.markexpr == "system" else None
