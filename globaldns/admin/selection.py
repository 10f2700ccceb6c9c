"""Which services a person means, and one page of them."""

from __future__ import annotations

import fnmatch
import heapq
import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from globaldns.errors import RequestRefused
from globaldns.model.host import MAX_NAME_OCTETS, Host
from globaldns.model.service import Service

DEFAULT_LIMIT = 500
"""Items a page, as kubectl's chunk size; about 400 KiB of JSON."""
MAX_LIMIT = 5000
"""Keeps building a page below about 100 ms."""


def compile_glob(glob: str) -> Callable[[Iterable[str]], bool]:
    """Return whether any of some names matches a glob (``*``, ``?``, ``[…]``), in any case.

    Raises:
        RequestRefused: it is longer than a name can be.
    """
    if len(glob) > MAX_NAME_OCTETS:
        raise RequestRefused(f"a glob may have {MAX_NAME_OCTETS} characters, not {len(glob)}")
    match = re.compile(fnmatch.translate(glob.lower().removesuffix("."))).match
    return lambda names: any(map(match, names))


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """What a listing asks for."""

    glob: str = "*"
    """Of the host with or without its zone."""
    cluster: str = ""
    """Only what this cluster exports; empty: all."""
    limit: int = DEFAULT_LIMIT
    after: str = ""
    """The last host of the page before."""


def service_names(service: Service) -> tuple[str, ...]:
    """Return the names that are asked over DNS."""
    return tuple(f"{service.host}.{zone}" for zone in service.zones)


def select(
    services: Mapping[Host, Service], selection: Selection
) -> tuple[list[Service], str | None]:
    """Return one page in the order of hosts, and where the next one starts after."""
    matches = compile_glob(selection.glob)

    def is_meant(service: Service) -> bool:
        if selection.cluster and selection.cluster not in service.clusters:
            return False
        return selection.glob == "*" or matches((service.host, *service_names(service)))

    hosts = (
        host for host, service in services.items() if host > selection.after and is_meant(service)
    )
    page = heapq.nsmallest(selection.limit + 1, hosts)
    more = page[selection.limit - 1] if len(page) > selection.limit else None
    return [services[host] for host in page[: selection.limit]], more
