"""Machines that the tests of units begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from globaldns.config.loading import inspect_text
from globaldns.config.schema import Config
from globaldns.vm.machine import CONFIG, STATE, Machine, Programs, machine_of

ROOT = Path("/")


def config_of(**changes: Any) -> Config:
    """A configuration of one cluster, of no file."""
    settings = {
        "cluster": "vm-1",
        "clusters": {"vm-1": {"source": {"directory": "manifests"}}},
        "envoy": {"directory": "/var/cache/globaldns"},
        **changes,
    }
    env = {"STATE_DIRECTORY": str(STATE)}
    loaded = inspect_text(yaml.safe_dump(settings), folder=CONFIG.parent, env=env)
    assert loaded.config is not None, loaded.problems
    return loaded.config


def machine(**changes: Any) -> Machine:
    """The machine of such a configuration."""
    return machine_of(config_of(**changes), programs=Programs(), file=CONFIG, root=ROOT)


def settings(text: str) -> dict[str, list[str]]:
    """The values of each key of a unit, whatever its section."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found
