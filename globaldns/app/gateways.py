"""The gateways of a running server: which are watched, how, and by which services."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence

from globaldns.config.kinds import ClusterId
from globaldns.config.schema import Config
from globaldns.config.values import split_listen
from globaldns.model.export import Gateway
from globaldns.model.reach import Reach
from globaldns.probes.choice import server_names, watched
from globaldns.probes.credentials import TlsFiles
from globaldns.probes.watch import GatewayWatch, WatchSeams, WatchSettings
from globaldns.registry.registry import Registry
from globaldns.routing.mesh import viewer_of


class Gateways:
    """Has the gateways watched that routes may go through."""

    def __init__(
        self,
        registry: Registry,
        config: Callable[[], Config],
        *,
        wall: Callable[[], int],
        changed: Callable[[], None],
        remembered: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._registry = registry
        self._config = config
        seams = WatchSeams(server_names=self._server_names, changed=changed, wall=wall)
        settings = watch_settings(config())
        replica = f"{config().cluster}/{socket.gethostname()}/{os.getpid()}"
        self._watch = GatewayWatch(settings, seams, replica=replica, remembered=remembered)

    @property
    def reach(self) -> Mapping[Gateway, Reach]:
        """How each is reached; ``model.reach`` has the questions to it."""
        return self._watch.reach

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The addresses that are known of the names of gateways."""
        return self._watch.names

    async def run(self) -> None:
        """Watch for ever."""
        await self._watch.run()

    def follow(self) -> None:
        """Watch the gateways that clusters say they have now."""
        config = self._config()
        self._watch.follow(wanted_gateways(self._registry, config, config.cluster))

    def obey(self) -> None:
        """Obey the configuration in force."""
        self._watch.obey(watch_settings(self._config()))
        self.follow()

    def _server_names(self, gateway: Gateway) -> Sequence[str]:
        exports = self._registry.views.cluster(gateway.cluster).exports
        return server_names(exports, gateway.network)


def wanted_gateways(registry: Registry, config: Config, cluster: ClusterId) -> frozenset[Gateway]:
    """Return the gateways that a cluster's routes may go through, of clusters that count."""
    views = registry.views
    viewer, direct = viewer_of(config, views, cluster), config.routing.direct_networks
    known = {
        one: views.cluster(one).gateways for one in registry.settings.clusters if views.counts(one)
    }
    return watched(known, lambda network: viewer.reaches(network) or network in direct)


def watch_settings(config: Config) -> WatchSettings:
    """Return how gateways are probed."""
    probes = config.routing.probes
    tls = None
    if probes.certificate and probes.key and probes.authority:
        tls = TlsFiles(probes.certificate, probes.key, probes.authority)
    return WatchSettings(
        interval=probes.interval,
        timeout=probes.timeout,
        resolvers=tuple(map(split_listen, probes.resolvers)),
        tls=tls,
        pools=config.vips.pools,
    )
