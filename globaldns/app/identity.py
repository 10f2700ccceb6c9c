"""Who this replica is: the same after a restart, and nobody else on this machine."""

from __future__ import annotations

import socket
from uuid import uuid4

from globaldns.state import StateDirectory

_FILE = "replica.bin"


def find_identity(state: StateDirectory) -> str:
    """Return the name of the replica of a state directory, which is made at the first start.

    Raises:
        StateError: it cannot be remembered.
    """
    payload = state.read_checked(_FILE)
    if payload is None:
        payload = f"{socket.gethostname()}-{uuid4().hex[:8]}".encode()
        state.write_checked(_FILE, payload)
    return payload.decode()
