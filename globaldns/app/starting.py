"""The first second of a server: what is remembered answers, whatever the mesh's size.

Whatever this module imports is waited for before the first answer: the sources, the registry and
the HTTP endpoint come afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import AsyncExitStack

import msgspec

from globaldns.app.clock import BelievedClock
from globaldns.app.memory import load_zone
from globaldns.app.serials import Serials
from globaldns.app.settings import query_ring, server_settings, zone_rules
from globaldns.app.writing import LedgerThread
from globaldns.config.schema import Config
from globaldns.dns.lastzone import Header, LastZone
from globaldns.dns.responder import Responder
from globaldns.dns.server import DnsServer
from globaldns.dns.zone import Zones
from globaldns.ledger.opening import OnLoss, open_ledger
from globaldns.model.snapshot import ZoneDelta
from globaldns.state import StateDirectory

logger = logging.getLogger(__name__)


class Started(msgspec.Struct, frozen=True):
    """What a server has once it answers."""

    state: StateDirectory
    thread: LedgerThread
    serials: Serials
    dns: DnsServer
    last: LastZone | None
    """The zone that it answers from."""
    clock: BelievedClock


async def start(config: Config, *, on_loss: OnLoss, stack: AsyncExitStack) -> Started:
    """Take the state directory, the ledger and the sockets, and answer from the last zone.

    Raises:
        StateLocked: another server holds the state directory.
        StateError, LedgerError, ListenError: something of it cannot be had.
    """
    clock = BelievedClock()
    state = StateDirectory(config.state)
    state.lock(clock.now())
    stack.callback(state.unlock)
    dns = bind(config)
    stack.push_async_callback(dns.stop)
    name = config.vips.ledger.sqlite
    thread = LedgerThread(
        open_ledger(state, name, cluster=config.cluster, now=clock.now(), on_loss=on_loss),
        state.check_lock,
    )
    stack.callback(thread.close)
    serials = Serials(state, clock.now())
    last = _recall(state, thread, dns.responder.zones, config, clock.now())
    if last is not None and last.entries:
        dns.responder.zones.apply(ZoneDelta(serials.current, False, last.entries))
        logger.info("answering from the last zone", extra={"hosts": len(last.entries)})
    await dns.start()
    await asyncio.sleep(0)  # what has waited in the sockets is answered before anything else
    return Started(state, thread, serials, dns, last, clock)


def bind(config: Config) -> DnsServer:
    """Take the sockets; queries wait in them.

    Raises:
        ListenError: an address cannot be had.
    """
    instance = f"{config.cluster}/{socket.gethostname()}"
    zones = Zones(zone_rules(config, instance=instance, listen=()))
    dns = DnsServer(Responder(zones, query_log=query_ring(config)), server_settings(config))
    dns.bind()
    dns.responder.reconfigure(zone_rules(config, instance=instance, listen=dns.addresses))
    return dns


def _recall(
    state: StateDirectory, thread: LedgerThread, zones: Zones, config: Config, now: int
) -> LastZone | None:
    """Return the last zone of this cluster and ledger, empty if it is too old to be answered from.

    What it knows of waits counts all the same.
    """
    last = load_zone(
        state,
        cluster=config.cluster,
        marker=thread.ledger.marker.id,
        zones=zones.rules.zones,
    )
    if last is None or _is_usable(last.header, config, now):
        return last
    return LastZone(last.header, ())


def _is_usable(header: Header, config: Config, now: int) -> bool:
    """Whether a zone is young enough to be answered from: its VIPs cannot have new owners."""
    age = now - header.saved_at
    if age <= config.vips.quarantine // 2:
        return True
    logger.warning("the last zone is too old to be answered from", extra={"age_seconds": age})
    return False
