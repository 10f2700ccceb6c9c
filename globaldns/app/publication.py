"""From what the registry decided to what is answered: the table changes, a serial at a time."""

from __future__ import annotations

from collections.abc import Iterable

from immutables import Map

from globaldns.app.serials import Serials
from globaldns.dns.scribe import Scribe
from globaldns.model.host import Host
from globaldns.model.service import Service
from globaldns.model.snapshot import Answering, Entry, Snapshot, ZoneDelta, to_entry
from globaldns.registry.delta import Delta

Services = Map[Host, Service]


class Publication:
    """What is published, and the table that workers answer it from.

    Until ``settle`` the last zone remembered stands: names are added, and no name that it
    answers is taken away or made to fail, because not every source was heard yet.
    """

    def __init__(self, scribe: Scribe, serials: Serials, remembered: Iterable[Entry] = ()) -> None:
        self._scribe = scribe
        self._serials = serials
        self._remembered: dict[Host, Entry | None] = {}
        """None: it was found to be the same, and is what the snapshot says."""
        self._failing: set[Host] = set()
        """Remembered names that fail: anything may take their place."""
        for entry in remembered:
            if entry.answering is Answering.FAILURE:
                self._failing.add(entry.host)
            else:
                self._remembered[entry.host] = entry
        self.snapshot = Snapshot(serials.current, False, Map())

    def publish(self, delta: Delta, services: Services) -> bool:
        """Publish what a turn changed; return whether any answer is different."""
        puts = [entry for service in delta.services if self._is_news(entry := to_entry(service))]
        deletes = [host for host in delta.removed if host not in self._remembered]
        for entry in puts:
            self._remembered.pop(entry.host, None)
            self._failing.discard(entry.host)
        self._failing.difference_update(deletes)
        return self._apply(puts, deletes, services, complete=delta.complete)

    def settle(self, delta: Delta, services: Services) -> bool:
        """Publish the turn after which all was heard; what was only remembered ends."""
        remembered, self._remembered = self._remembered, {}
        deletes = [host for host in self._failing if host not in services]
        self._failing = set()
        changed = {service.host for service in delta.services}
        puts = []
        for host, former in remembered.items():
            service = services.get(host)
            if service is None:
                deletes.append(host)
            elif former is None and host not in changed:
                continue
            elif (entry := to_entry(service)) != (former or self._published(host)):
                puts.append(entry)
        entries = (to_entry(one) for one in delta.services if one.host not in remembered)
        puts += filter(self._is_news, entries)
        deletes += (host for host in delta.removed if host not in remembered)
        return self._apply(puts, deletes, services, complete=delta.complete)

    def _is_news(self, entry: Entry) -> bool:
        """Whether an entry differs from what is answered; a remembered one has no worse instead."""
        host = entry.host
        if host not in self._remembered:
            return self._published(host) != entry
        remembered = self._remembered[host] or self._published(host)
        is_same = entry == remembered
        self._remembered[host] = None if is_same else remembered
        return not is_same and remembered is not None and entry.answering <= remembered.answering

    def _published(self, host: Host) -> Entry | None:
        """Return what a host was published with last."""
        service = self.snapshot.services.get(host)
        return None if service is None else to_entry(service)

    def _apply(
        self, puts: list[Entry], deletes: list[Host], services: Services, *, complete: bool
    ) -> bool:
        is_different = bool(puts or deletes or self._scribe.serial is None)
        serial = self._serials.step() if is_different else self.snapshot.serial
        self._scribe.apply(ZoneDelta(serial, complete, tuple(puts), tuple(deletes)))
        self.snapshot = Snapshot(serial, complete, services)
        return is_different
