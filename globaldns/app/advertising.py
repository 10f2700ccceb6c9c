"""The addresses under which clients know a server in Kubernetes: those of our own Service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from globaldns.config.kinds import IpAddress
from globaldns.errors import ApiError
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.resources import SERVICES
from globaldns.model.address import is_address
from globaldns.objects.kubernetes import Service

logger = logging.getLogger(__name__)

SERVICE = "globaldns"
"""What the chart calls it."""
FOUND_SECONDS, MISSING_SECONDS = 300.0, 10.0
"""How often to look: a Service keeps its addresses until it is deleted."""

_decoder = msgspec.json.Decoder(Service)


class Advertised:
    """Looks at our Service now and then."""

    def __init__(self, access: Access, namespace: str, changed: Callable[[], None]) -> None:
        self.addresses: tuple[IpAddress, ...] = ()
        """What was found last."""
        self._access = access
        self._path = SERVICES.path("v1", namespace, SERVICE)
        self._changed = changed

    async def run(self) -> None:
        """Look for ever."""
        client = Client(self._access)
        try:
            while True:
                await self._look(client)
                await asyncio.sleep(FOUND_SECONDS if self.addresses else MISSING_SECONDS)
        finally:
            await client.close()

    async def _look(self, client: Client) -> None:
        try:
            spec = _decoder.decode(await client.get(self._path)).spec
        except (ApiError, msgspec.MsgspecError) as error:
            logger.debug("our Service is not known", extra={"reason": str(error)})
            return
        found = tuple(filter(is_address, spec.cluster_ips or (spec.cluster_ip,)))
        if found and found != self.addresses:
            self.addresses = tuple(map(IpAddress, found))
            logger.info("name server's addresses", extra={"addresses": ", ".join(found)})
            self._changed()
