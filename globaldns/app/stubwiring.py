"""Whether our own cluster has a DNS that can be kept, and what that depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from globaldns.app.membership import listed_access
from globaldns.config.schema import Config

if TYPE_CHECKING:
    from globaldns.app.stubkeeping import StubKeeper


def make_stub_keeper(
    config: Callable[[], Config], rest_reason: Callable[[], str]
) -> StubKeeper | None:
    """Return who keeps our cluster's DNS; None: it has no API server.

    ``rest_reason`` says why this replica may not write; empty: it may.
    """
    now = config()
    access = listed_access(now.clusters[now.cluster].source)
    if access is None:
        return None
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.app.stubkeeping import StubKeeper  # noqa: PLC0415
    from globaldns.kube.client import Client  # noqa: PLC0415

    return StubKeeper(Client(access), config, rest_reason)
