from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.supervisor.hosts import Server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return what starts servers that share a state directory; all have ended after the test."""
    with ExitStack() as stack:
        yield lambda *arguments, **keys: stack.enter_context(Server(tmp_path, *arguments, **keys))
