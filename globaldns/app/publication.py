"""From what the registry decided to what is answered: the zones change, a serial at a time."""

from __future__ import annotations

from collections.abc import Iterable

from immutables import Map

from globaldns.app.serials import Serials
from globaldns.dns.zone import Zones
from globaldns.model.host import Host
from globaldns.model.service import Service
from globaldns.model.snapshot import Answering, Entry, Snapshot, ZoneDelta, to_entry
from globaldns.registry.delta import Delta

Services = Map[Host, Service]


class Publication:
    """What is published, and the zones that answer it.

    Until ``replace_all`` the last zone remembered stands: names are added, and no name that it
    answers is taken away or made to fail, because not every source was heard yet.
    """

    def __init__(self, zones: Zones, serials: Serials, remembered: Iterable[Entry] = ()) -> None:
        self._zones = zones
        self._serials = serials
        self._remembered = {
            entry.host: entry for entry in remembered if entry.answering is not Answering.FAILURE
        }
        self.snapshot = Snapshot(serials.current, False, Map())

    def publish(self, delta: Delta, services: Services) -> bool:
        """Publish what a turn changed; return whether any answer is different."""
        puts = [entry for service in delta.services if self._is_news(entry := to_entry(service))]
        deletes = [host for host in delta.removed if host not in self._remembered]
        for entry in puts:
            self._remembered.pop(entry.host, None)
        return self._apply(puts, deletes, services, complete=delta.complete)

    def replace_all(self, services: Services, *, complete: bool) -> bool:
        """Publish all that there is; what was only remembered ends."""
        self._remembered.clear()
        answered = {entry.host: entry for entry in self._zones.entries()}
        entries = map(to_entry, services.values())
        puts = [entry for entry in entries if answered.get(entry.host) != entry]
        deletes = [host for host in answered if host not in services]
        return self._apply(puts, deletes, services, complete=complete)

    def _is_news(self, entry: Entry) -> bool:
        """Whether an entry differs from what is answered; a remembered one has no worse instead."""
        remembered = self._remembered.get(entry.host)
        if remembered is not None:
            return entry != remembered and entry.answering <= remembered.answering
        service = self.snapshot.services.get(entry.host)
        return service is None or to_entry(service) != entry

    def _apply(
        self, puts: list[Entry], deletes: list[Host], services: Services, *, complete: bool
    ) -> bool:
        is_different = bool(puts or deletes or self._zones.serial is None)
        serial = self._serials.step() if is_different else self.snapshot.serial
        self._zones.apply(ZoneDelta(serial, complete, tuple(puts), tuple(deletes)))
        self.snapshot = Snapshot(serial, complete, services)
        return is_different
