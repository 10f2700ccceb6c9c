"""What is remembered for the next start: what was answered, all views, and addresses of gateways.

These only stand in until the sources, or DNS, have spoken, so what cannot be read is passed over
with a warning, and what cannot be written is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from math import inf

import msgspec

from globaldns.app.pace import Pace
from globaldns.dns.lastzone import LastZone, decode_zone
from globaldns.errors import StateError
from globaldns.state import StateDirectory

logger = logging.getLogger(__name__)

ZONE = "zone.bin"
GATEWAYS = "gateways.bin"
PAUSE_SECONDS = 2.0
COST_FACTOR = 10
"""The pause is so many times what the last writing took."""
FRESHEN_SECONDS = 3600.0
FRESHEN_FACTOR = 1 / 8
"""At least so many quarantines apart: what is older than half of one is not used."""


class Keepsake(msgspec.Struct, frozen=True):
    """One file to be remembered."""

    name: str
    version: Hashable
    """Differs when the content does."""
    capture: Callable[[], Callable[[Pace], bytes]]
    """Returns what makes its content in a thread, of values that do not change any more."""
    format: int = 1


_names_decoder = msgspec.msgpack.Decoder(dict[str, tuple[str, ...]])
Memorable = Callable[[], Iterable[Keepsake]]
"""Returns all that is to be remembered, as it stands now."""


def load_zone(
    state: StateDirectory, *, cluster: str, marker: str, zones: tuple[str, ...]
) -> LastZone | None:
    """Return the last zone of this cluster and ledger, as of these zones; None: there is none."""
    try:
        payload = state.read_checked(ZONE)
        last = None if payload is None else decode_zone(payload, zones)
    except StateError as error:
        pass_over("last zone", error)
        return None
    if last is None:
        return None
    header = last.header
    if (header.cluster, header.marker) != (cluster, marker):
        logger.info(
            "the last zone is passed over: it is of another cluster or ledger",
            extra={"zone_of": header.cluster, "ledger": header.marker},
        )
        return None
    return last


def load_gateways(state: StateDirectory) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses that names of gateways had last."""
    try:
        payload = state.read_checked(GATEWAYS)
        return {} if payload is None else _names_decoder.decode(payload)
    except (StateError, msgspec.DecodeError) as error:
        pass_over("addresses of gateways", error)
        return {}


def pass_over(what: str, error: Exception) -> None:
    """Say that something remembered cannot be used."""
    logger.warning(
        "something remembered is passed over", extra={"what": what, "reason": str(error)}
    )


class Memory:
    """Writes what is remembered when it has changed, and every hour or more often: its age counts.

    ``quarantine`` is asked for its seconds.
    """

    def __init__(
        self, state: StateDirectory, keepsakes: Memorable, quarantine: Callable[[], float]
    ) -> None:
        self._state = state
        self._keepsakes = keepsakes
        self._quarantine = quarantine
        self.pace = Pace()
        self._saved: dict[str, Hashable] = {}
        self._saved_at: dict[str, float] = {}
        self._faults: dict[str, str] = {}
        """Why a file could not be written the last time."""
        self._cost = 0.0

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await asyncio.sleep(max(PAUSE_SECONDS, COST_FACTOR * self._cost))
            await self.save()

    async def save(self) -> None:
        """Write what has changed; what cannot be written is logged once and tried again."""
        started = time.monotonic()
        fresh_for = min(FRESHEN_SECONDS, FRESHEN_FACTOR * self._quarantine())
        for what in self._keepsakes():
            fresh_until = self._saved_at.get(what.name, -inf) + fresh_for
            if self._saved.get(what.name) == what.version and started < fresh_until:
                continue
            try:
                await asyncio.to_thread(self._write, what, what.capture())
            except StateError as error:
                self._complain(what.name, error)
                continue
            if self._faults.pop(what.name, None):
                logger.info("it is remembered again", extra={"what": what.name})
            self._saved[what.name] = what.version
            self._saved_at[what.name] = started
        self._cost = time.monotonic() - started

    def _write(self, what: Keepsake, encode: Callable[[Pace], bytes]) -> None:
        self._state.write_checked(what.name, encode(self.pace), version=what.format)

    def _complain(self, name: str, error: StateError) -> None:
        reason = str(error)
        former, self._faults[name] = self._faults.get(name), reason
        if reason != former:
            logger.warning(
                "something is not remembered",
                extra={"what": name, "reason": reason, "fix": error.hint},
            )
