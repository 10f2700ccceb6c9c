from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from globaldns.model.claim import Claim
from globaldns.model.snapshot import Entry
from globaldns.registry.numbering import AT_ONCE
from globaldns.registry.registry import Registry
from globaldns.registry.settings import RegistrySettings
from globaldns.state import StateDirectory
from tests.app.meshes import Place, Turning
from tests.registry.mesh import settings


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two clusters without manifests, which have never had a server."""
    folder = tmp_path / "mesh"
    folder.mkdir()
    return Place(folder)


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path / "state")


@pytest.fixture
def turning(tmp_path: Path) -> Callable[..., Turning]:
    """Make a mesh whose sources and ledger are the test's."""

    def make(
        obeyed: RegistrySettings | None = None,
        *,
        claims: Iterable[Claim] = (),
        last: Iterable[Entry] = (),
        at_once: int = AT_ONCE,
    ) -> Turning:
        entries = tuple(last)
        registry = Registry(obeyed or settings(), claims, entries, at_once=at_once)
        return Turning(registry, tmp_path / "state", entries)

    return make


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Put back what ``logs.configure`` changes."""
    loggers = (logging.getLogger(), logging.getLogger("globaldns"))
    levels = [logger.level for logger in loggers]
    before = list(loggers[0].handlers)
    yield
    for handler in [one for one in loggers[0].handlers if one not in before]:
        loggers[0].removeHandler(handler)
        handler.close()
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
