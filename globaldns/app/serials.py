"""SOA serials: each is remembered before it is served, so that none is ever served twice.

They are remembered a block ahead: one write in a thousand publications.

Standards:
    RFC 1982   serials of 32 bits that only ever go up
"""

from __future__ import annotations

import logging

import msgspec

from globaldns.errors import StateError
from globaldns.state import StateDirectory

logger = logging.getLogger(__name__)

FILE = "serial.bin"
BLOCK = 1000
"""Serials that one write remembers; a start skips what is left of them."""

_MODULUS = 1 << 32


class Serials:
    """The serials of one instance."""

    def __init__(self, state: StateDirectory, now: int) -> None:
        """Begin above all that were served, and at the time: a lost state goes on going up.

        Where that cannot be remembered, the last that was is served until it can.
        """
        self._state = state
        self._end = _load(state)
        self._count = max(self._end + 1, now)
        try:
            self._remember(self._count + BLOCK)
        except StateError as error:
            _complain(error)
            self._count = self._end or now

    @property
    def current(self) -> int:
        """The serial that is served."""
        return self._count % _MODULUS

    def step(self) -> int:
        """Return the next serial; the present one where it cannot be remembered."""
        if self._count >= self._end:
            try:
                self._remember(self._count + BLOCK)
            except StateError as error:
                _complain(error)
                return self.current
        self._count += 1
        return self.current

    def _remember(self, end: int) -> None:
        self._state.write_checked(FILE, msgspec.msgpack.encode(end))
        self._end = end


def _complain(error: StateError) -> None:
    logger.error("serials cannot be remembered", extra={"reason": str(error), "fix": error.hint})


def _load(state: StateDirectory) -> int:
    """Return the last serial that may have been served; 0: none, or nobody knows."""
    try:
        payload = state.read_checked(FILE)
        return 0 if payload is None else msgspec.msgpack.decode(payload, type=int)
    except (StateError, msgspec.DecodeError) as error:
        logger.warning("the last serial is not known", extra={"reason": str(error)})
        return 0
