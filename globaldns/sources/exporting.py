"""Which namespaces of a cluster export anything: elsewhere nobody needs to know its pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, KeysView

from globaldns.model.export import Export
from globaldns.model.host import Host
from globaldns.model.view import Change, Put, Remove


class Exporting:
    """Counts a cluster's exports by namespace."""

    def __init__(self) -> None:
        self._of_host: dict[Host, str] = {}
        self._counts: Counter[str] = Counter()

    @property
    def namespaces(self) -> KeysView[str]:
        """The namespaces that export."""
        return self._counts.keys()

    def begin(self, exports: Iterable[Export]) -> None:
        """Take these for all exports."""
        self._of_host = {export.host: export.origin.namespace for export in exports}
        self._counts = Counter(self._of_host.values())

    def note(self, changes: Iterable[Change]) -> None:
        """Take note of what has changed."""
        for change in changes:
            if isinstance(change, Put):
                self._forget(change.export.host)
                namespace = change.export.origin.namespace
                self._of_host[change.export.host] = namespace
                self._counts[namespace] += 1
            elif isinstance(change, Remove):
                self._forget(change.host)

    def _forget(self, host: Host) -> None:
        namespace = self._of_host.pop(host, None)
        if namespace is None:
            return
        self._counts[namespace] -= 1
        if not self._counts[namespace]:
            del self._counts[namespace]
