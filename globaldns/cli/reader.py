"""Where a command's answers come from: a running server, or the files.

Both give the same reports; which one was used is said in one line on stderr.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

import msgspec

from globaldns.admin.reports import (
    ClusterList,
    ConfigReport,
    ServicePage,
    ServiceReport,
    VipPage,
    VipReport,
)
from globaldns.cli.invocation import AUTO, NONE, Invocation
from globaldns.cli.output import say
from globaldns.cli.remote import ANSWER_SECONDS, CONNECT_SECONDS, Server, reachable
from globaldns.cli.served import Served, to_served
from globaldns.config.values import split_listen
from globaldns.errors import RequestRefused, ServerError
from globaldns.model.explanation import Explanation
from globaldns.model.view import SourceState
from globaldns.tasks import wall_clock

if TYPE_CHECKING:
    from globaldns.cli.offline import OfflineReader
    from globaldns.config.schema import Config

PAGE = 5000
"""Items a page: what the API gives at most."""


class Change(msgspec.Struct, frozen=True):
    """One event of a running server, as far as listings show it."""

    event: str
    service: ServiceReport | None = None
    host: str = ""


class Reader(Protocol):
    """A mesh as it stands."""

    @property
    def now(self) -> int:
        """What ages are counted from, in Unix seconds."""

    def services(self, glob: str, *, cluster: str = "") -> Iterator[ServiceReport]:
        """Yield services in the order of their hosts."""

    def vips(self, glob: str) -> VipPage:
        """Return all VIPs that a glob of hosts, or an address, means."""

    def explain(self, target: str) -> Explanation:
        """Return why a host or VIP answers what it answers.

        Raises:
            ServerError, RequestRefused: the VIP stands for no host and never did.
        """

    def clusters(self) -> ClusterList:
        """Return every configured cluster, by id."""

    def failures(self) -> tuple[str, ...]:
        """Return what could not be read here for ``clusters``, and why."""

    def unheard(self) -> tuple[str, ...]:
        """Return the clusters that were not read as a whole, at all or the last time."""

    def served(self) -> Served:
        """Return what one must know to ask over DNS."""


class RemoteReader:
    """Reads what a running server says."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def now(self) -> int:
        """The time here: the server's ages are shown by our clock."""
        return wall_clock()

    def services(self, glob: str, *, cluster: str = "") -> Iterator[ServiceReport]:
        """Yield services in the order of their hosts, page by page."""
        query = {"host": glob, "cluster": cluster, "limit": str(PAGE)}
        while True:
            page = self._server.fetch("/api/v1/services", ServicePage, query)
            yield from page.items
            if page.next is None:
                return
            query["continue"] = page.next

    def vips(self, glob: str) -> VipPage:
        """Return all VIPs that a glob means, the pages joined."""
        query = {"host": glob, "limit": str(PAGE)}
        items: list[VipReport] = []
        while True:
            page = self._server.fetch("/api/v1/vips", VipPage, query)
            items += page.items
            if page.next is None:
                return VipPage(pools=page.pools, items=tuple(items))
            query["continue"] = page.next

    def explain(self, target: str) -> Explanation:
        """Return what the server explains."""
        return self._server.fetch(f"/api/v1/explain/{quote(target, safe='')}", Explanation)

    def clusters(self) -> ClusterList:
        """Return every cluster that the server has configured."""
        return self._server.fetch("/api/v1/clusters", ClusterList)

    def failures(self) -> tuple[str, ...]:
        """Return nothing: it is the server that reads."""
        return ()

    def unheard(self) -> tuple[str, ...]:
        """Return the clusters that the server could not read as a whole."""
        clusters = self.clusters().items
        return tuple(
            one.cluster for one in clusters if one.state == SourceState.WAITING or one.reason
        )

    def served(self) -> Served:
        """Return what the configuration in force says."""
        config = self.config().config
        zones = tuple(map(_zone_name, config.get("zones", ())))
        return to_served(zones, config.get("dns", {}).get("listen") or (), host=self._server.host)

    def config(self, *, timeout: float = ANSWER_SECONDS) -> ConfigReport:
        """Return the configuration in force."""
        return self._server.fetch("/api/v1/config", ConfigReport, timeout=timeout)

    def changes(self) -> Iterator[Change]:
        """Connect, and return every change of a service until the server ends the stream."""
        events = self._server.events()
        changes = (msgspec.json.decode(event, type=Change) for event in events)
        return (change for change in changes if change.event.startswith("service"))


def open_reader(invocation: Invocation) -> RemoteReader | OfflineReader:
    """Return where to read, as ``--server`` says, and say which it is.

    Raises:
        ConfigError: the configuration has problems.
        LedgerError: the ledger cannot be read.
    """
    if invocation.server not in {AUTO, NONE}:
        say(f"asking {invocation.server}")
        return RemoteReader(Server(invocation.server))
    path, config = invocation.config_path(), invocation.load_config()
    reason = ""
    if invocation.server == AUTO:
        url = admin_url(config.admin.listen)
        remote = RemoteReader(Server(url))
        reason = _why_not(remote, path)
        if not reason:
            say(f"asking the server at {url}")
            return remote
    # Here, because what asks a server does not pay for all that reads manifests.
    from globaldns.cli.offline import OfflineReader  # noqa: PLC0415

    say(f"reading the files of {path}{reason and f': {reason}'}")
    return OfflineReader(config, wall_clock())


def ledger_config(invocation: Invocation) -> Config:
    """Return the configuration of a command that reads or changes the ledger itself.

    Raises:
        ConfigError: it has problems.
        RequestRefused: the server that runs has its ledger elsewhere, which only its environment
            says; a change of ours would be a change of nothing.
    """
    config = invocation.load_config()
    url = admin_url(config.admin.listen)
    try:
        report = RemoteReader(Server(url)).config(timeout=CONNECT_SECONDS)
    except ServerError:
        return config
    theirs = Path(str(report.config.get("state", config.state))).resolve()
    is_ours = Path(report.path).resolve() == invocation.config_path().resolve()
    if not is_ours or theirs == config.state.resolve():
        return config
    raise RequestRefused(
        f"the server at {url} keeps its ledger in {theirs}, not in {config.state}",
        hint=f"set STATE_DIRECTORY={theirs.parent} as for the server, or write the key state",
    )


def admin_url(listen: str) -> str:
    """Return the URL at which a server that listens there is reached from this machine."""
    host, port = split_listen(listen)
    host = reachable(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why_not(remote: RemoteReader, path: Path) -> str:
    """Return why the server at the admin address is not the one to ask; empty if it is."""
    try:
        report = remote.config(timeout=CONNECT_SECONDS)
    except ServerError as error:
        is_refused = isinstance(error.__cause__, ConnectionRefusedError)
        return "no server runs" if is_refused else str(error)
    if Path(report.path).resolve() != path.resolve():
        return f"the server that runs there has {report.path}"
    return ""


def _zone_name(zone: str | dict[str, str]) -> str:
    """Return the name of a zone in its short or its long form."""
    return zone if isinstance(zone, str) else zone["name"]
