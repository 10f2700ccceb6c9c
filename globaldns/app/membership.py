"""Which clusters the mesh has: those that are listed, and those that remote secrets name.

A remote secret that is deleted and made anew, as when its token is rotated, changes nothing: its
cluster stays for ten minutes, unless nothing was ever heard of it that could be missed. Which
clusters there were is remembered, without how they are reached: a restart beside a dead API server
must not forget any.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from globaldns.config.kinds import ClusterId
from globaldns.config.schema import ClusterSettings, Config, SourceSettings
from globaldns.errors import StateError
from globaldns.kube.kubeconfig import Access
from globaldns.sources.secrets import Refused, RemoteClusters, RemoteSettings
from globaldns.state import StateDirectory

if TYPE_CHECKING:
    from globaldns.app.advertising import Advertised
    from globaldns.sources.remotes import Remotes

logger = logging.getLogger(__name__)

FILE = "remotes.bin"
KEEP_SECONDS = 600
"""How long a cluster stays whose remote secret is gone."""


class Membership:
    """The clusters of one server's mesh."""

    def __init__(
        self,
        state: StateDirectory,
        config: Config,
        *,
        wall: Callable[[], int],
        changed: Callable[[], None],
        was_heard: Callable[[str], bool],
        is_same: Callable[[], bool],
    ) -> None:
        """Know what a former run knew.

        ``is_same``: whether our own cluster is the one that it was; where it was rebuilt, that it
        lacks Secrets is no word.
        """
        self.listed = config
        """The configuration as its file says."""
        self._remotes = _remotes(config, self._note)
        self._advertised = _advertised(config, changed)
        self.state = state
        self._wall = wall
        self._changed = changed
        self._was_heard = was_heard
        self._is_same = is_same
        self._since = load_members(state)
        """Clusters by remote secret, and since when that is gone; None: it is there."""
        self._access: dict[str, Access] = {}
        """How each cluster is reached whose remote secret is there: by the last that could be."""
        self._wake = asyncio.Event()

    @property
    def config(self) -> Config:
        """The configuration with all clusters that there are, and where clients find us."""
        found = {ClusterId(name): ClusterSettings() for name in sorted(self._since)}
        listed = self.listed
        if self._advertised is not None and not listed.dns.advertise:
            dns = msgspec.structs.replace(listed.dns, advertise=self._advertised.addresses)
            listed = msgspec.structs.replace(listed, dns=dns)
        return msgspec.structs.replace(listed, clusters={**found, **listed.clusters})

    @property
    def are_known(self) -> bool:
        """Whether all remote secrets were read at least once."""
        return self._remotes is None or self._remotes.are_known

    @property
    def clusters(self) -> RemoteClusters:
        """What remote secrets say."""
        return RemoteClusters({}) if self._remotes is None else self._remotes.clusters

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Which remote secrets are not used, or cannot be read now."""
        return () if self._remotes is None else self._remotes.refused

    def access(self, cluster: str) -> Access | None:
        """Return how a cluster's API server is reached; None: nobody says so.

        A remote secret that cannot be used any more does not end what the one before it allowed.
        """
        settings = self.listed.clusters.get(ClusterId(cluster))
        named = None if settings is None else listed_access(settings.source)
        return named or self._access.get(cluster)

    def reach(self, cluster: str) -> Access | Refused | None:
        """Return how a cluster's API server is reached, or why nobody says so."""
        return self.access(cluster) or self.clusters.reach(cluster)

    def obey(self, config: Config) -> None:
        """Obey another file."""
        self.listed = config

    async def run(self) -> None:
        """Follow remote secrets for ever, and let go of clusters whose time is over."""
        async with asyncio.TaskGroup() as tasks:
            if self._remotes is not None:
                tasks.create_task(self._remotes.run())
            if self._advertised is not None:
                tasks.create_task(self._advertised.run())
            while True:
                try:
                    async with asyncio.timeout(self._next()):
                        await self._wake.wait()
                except TimeoutError:
                    self._let_go()
                self._wake.clear()

    def _note(self) -> None:
        """Take note of what remote secrets say now."""
        there, now = self.clusters.access, self._wall()
        refused = {one.cluster for one in self.clusters.refused}
        stands = {name: access for name, access in self._access.items() if name in refused}
        self._access = {**stands, **there}
        if self.are_known:
            for cluster in self._since.keys() - there.keys() - refused:
                if not self._was_heard(cluster):
                    del self._since[cluster]
                    logger.warning(
                        "a remote secret is gone, and its cluster with it: it was never heard",
                        extra={"cluster": cluster},
                    )
                elif self._since[cluster] is None:
                    self._since[cluster] = now
                    logger.warning(
                        "a remote secret is gone: its cluster is kept for a while",
                        extra={"cluster": cluster, "seconds": KEEP_SECONDS},
                    )
        self._since |= dict.fromkeys(there)
        self._remember()
        self._wake.set()
        self._changed()

    def _next(self) -> float | None:
        ends = [since + KEEP_SECONDS for since in self._since.values() if since is not None]
        return max(0.0, min(ends) - self._wall()) if ends else None

    def _let_go(self) -> None:
        now = self._wall()
        over = [
            cluster
            for cluster, since in self._since.items()
            if since is not None and since + KEEP_SECONDS <= now
        ]
        if over and not self._is_same():
            self._since.update(dict.fromkeys(over, now))
            return
        for cluster in over:
            del self._since[cluster]
        if over:
            self._remember()
            self._changed()

    def _remember(self) -> None:
        try:
            self.state.write_checked(FILE, msgspec.msgpack.encode(self._since))
        except StateError as error:
            logger.error(
                "the clusters of remote secrets are not remembered", extra={"reason": str(error)}
            )


def _remotes(config: Config, note: Callable[[], None]) -> Remotes | None:
    settings = remote_settings(config)
    if not settings.are_there:
        return None
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.sources.remotes import Remotes  # noqa: PLC0415

    return Remotes(settings, note)


def _advertised(config: Config, changed: Callable[[], None]) -> Advertised | None:
    access = listed_access(config.clusters[config.cluster].source)
    if access is None or config.vips.ledger.kubernetes is None:
        return None
    # Here, for the same reason.
    from globaldns.app.advertising import Advertised  # noqa: PLC0415

    return Advertised(access, config.namespace, changed)


def remote_settings(config: Config) -> RemoteSettings:
    """Return where remote secrets are."""
    secrets = config.remote_secrets
    own = config.clusters[config.cluster].source
    return RemoteSettings(
        own=config.cluster,
        access=listed_access(own),
        namespace=secrets.namespace or config.namespace,
        directory=secrets.directory,
        may_run=secrets.allow_exec,
    )


def listed_access(source: SourceSettings) -> Access | None:
    """Return how the API server is reached that the configuration names; None: it names none."""
    named = source.kubernetes
    return None if named is None else Access(path=named.kubeconfig, context=named.context)


def load_members(state: StateDirectory) -> dict[str, int | None]:
    """Return the clusters by remote secret that a server knew, and since when that is gone."""
    try:
        payload = state.read_checked(FILE)
        known: Mapping[str, int | None] = (
            {} if payload is None else msgspec.msgpack.decode(payload, type=dict[str, int | None])
        )
        return dict(known)
    except (StateError, msgspec.DecodeError) as error:
        logger.warning("the clusters of remote secrets are not known", extra={"reason": str(error)})
        return {}
