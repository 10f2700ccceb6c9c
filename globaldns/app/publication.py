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

    Until ``settle`` the last zone remembered stands: names are added, and no name that it
    answers is taken away or made to fail, because not every source was heard yet.
    """

    def __init__(self, zones: Zones, serials: Serials, remembered: Iterable[Entry] = ()) -> None:
        self._zones = zones
        self._serials = serials
        self._remembered: dict[Host, Entry] = {}
        self._failing: dict[Host, Entry] = {}
        """Remembered names that fail: anything may take their place."""
        for entry in remembered:
            fails = entry.answering is Answering.FAILURE
            (self._failing if fails else self._remembered)[entry.host] = entry
        self._renewed: set[Host] = set()
        """Those of them that were found to be the same."""
        self.snapshot = Snapshot(serials.current, False, Map())

    def publish(self, delta: Delta, services: Services) -> bool:
        """Publish what a turn changed; return whether any answer is different."""
        puts = [entry for service in delta.services if self._is_news(entry := to_entry(service))]
        deletes = [host for host in delta.removed if host not in self._remembered]
        for entry in puts:
            self._remembered.pop(entry.host, None)
            self._failing.pop(entry.host, None)
        for host in deletes:
            self._failing.pop(host, None)
        return self._apply(puts, deletes, services, complete=delta.complete)

    def settle(self, delta: Delta, services: Services) -> bool:
        """Publish the turn after which all was heard; what was only remembered ends."""
        remembered = {**self._failing, **self._remembered}
        self._failing, self._remembered = {}, {}
        same = self._renewed.difference(service.host for service in delta.services)
        self._renewed = set()
        puts, deletes = [], []
        for host, former in remembered.items():
            service = services.get(host)
            if service is None:
                deletes.append(host)
            elif host not in same and (entry := to_entry(service)) != former:
                puts.append(entry)
        entries = (to_entry(one) for one in delta.services if one.host not in remembered)
        puts += filter(self._is_news, entries)
        deletes += (host for host in delta.removed if host not in remembered)
        return self._apply(puts, deletes, services, complete=delta.complete)

    def _is_news(self, entry: Entry) -> bool:
        """Whether an entry differs from what is answered; a remembered one has no worse instead."""
        remembered = self._remembered.get(entry.host)
        if remembered is not None:
            if entry == remembered:
                self._renewed.add(entry.host)
                return False
            self._renewed.discard(entry.host)
            return entry.answering <= remembered.answering
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
