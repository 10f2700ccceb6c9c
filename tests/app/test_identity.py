"""Who a replica is."""

from __future__ import annotations

import socket
from pathlib import Path

from globaldns.app.identity import find_identity
from globaldns.state import StateDirectory


def test_a_replica_is_the_same_after_a_restart_and_nobody_else(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        state = StateDirectory(tmp_path / name)
        state.lock(1)
        found.append(find_identity(state))
        assert find_identity(state) == found[-1]
        state.unlock()
    assert found[0] != found[1]
    assert all(one.startswith(f"{socket.gethostname()}-") for one in found)
