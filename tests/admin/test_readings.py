from __future__ import annotations

import subprocess
import sys

import pytest

from globaldns.admin.readings import MeshReadings, Readings

FOR_COMMANDS = (
    "clusters",
    "control",
    "events",
    "listening",
    "readings",
    "reporting",
    "reports",
    "selection",
    "vips",
)


def members(protocol):
    return {name for kind in protocol.__mro__ for name in vars(kind) if not name.startswith("_")}


def test_a_server_has_all_that_files_have_and_what_only_runs(mesh):
    assert members(MeshReadings) < members(Readings)
    assert [name for name in members(Readings) if not hasattr(mesh, name)] == []


@pytest.mark.parametrize("module", FOR_COMMANDS)
def test_what_commands_use_loads_no_http_framework(module):
    code = f"import sys, globaldns.admin.{module}; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
