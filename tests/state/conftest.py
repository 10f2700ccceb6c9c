import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from globaldns.state import StateDirectory

NOBODY = 65534
HOLD = """
import sys
from pathlib import Path
from globaldns.state import StateDirectory
StateDirectory(Path(sys.argv[1])).lock(1767323045)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def state(tmp_path):
    return StateDirectory(tmp_path / "state")


@pytest.fixture
def other_process(tmp_path):
    """Another process that holds the state directory."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "state"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


@pytest.fixture
def read_only():
    """A directory that may be read and not written, also where the tests run as root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "kept").write_bytes(b"kept")
        owner = os.geteuid()
        if owner == 0:
            os.seteuid(NOBODY)
        else:
            folder.chmod(0o555)
        yield folder
        if owner == 0:
            os.seteuid(0)
        folder.chmod(0o755)
