"""What a cluster's own DNS answers itself, which no stub may take from it.

Of two zones CoreDNS asks the longer one: a stub for the cluster's domain, for one above or below
it, or for the reverse zones of its Services and pods would be asked in its place.

==================================  ==============================================================
what is known                       what is not taken
==================================  ==============================================================
zones of plugin ``kubernetes``,     these, what is above them and what is below
and kube-dns's ``--domain``
of these ``in-addr.arpa`` and       what is above, and names of addresses that the cluster has:
``ip6.arpa``                        those of VIPs are below too, and ours
the root zone                       nothing: no domain is named
==================================  ==============================================================

Source: ``plugin/kubernetes`` of github.com/coredns/coredns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import ip_network

import msgspec

from globaldns.config.special import IPV4_NAMES, IPV6_NAMES, Network, are_related, is_touching
from globaldns.coredns.corefile import Block, parse_corefile
from globaldns.coredns.platforms import Facts
from globaldns.coredns.stub import Stub
from globaldns.coredns.zones import ROOT_ZONE, Key, parse_key
from globaldns.errors import StubError

_PLUGIN = "kubernetes"
_ALL_ADDRESSES = frozenset((IPV4_NAMES, IPV6_NAMES))
_OTHER_POOLS = "leave stub.reverse out, or choose other vips.pools"


class Authority(msgspec.Struct, frozen=True):
    """What is known to be the cluster's."""

    zones: tuple[str, ...] = ()
    """Lower case, without a dot at the end."""
    ranges: tuple[str, ...] = ()
    """CIDRs of Services and pods."""


def authority_of(facts: Facts) -> Authority:
    """Return what a cluster's DNS is seen to answer itself."""
    domains = (load.domain for load in facts.workloads if load.domain)
    zones = (*_zones_of(facts.corefiles.values()), *domains)
    return Authority(tuple(dict.fromkeys(zones)), facts.ranges)


def _zones_of(corefiles: Iterable[str]) -> Iterator[str]:
    """Yield the zones that Corefiles answer from Kubernetes; of one that cannot be read, none."""
    for text in corefiles:
        with suppress(StubError):
            for block in parse_corefile(text).blocks:
                for key in _keys(block):
                    if key.is_known and key.zone != ROOT_ZONE:
                        yield key.zone.removesuffix(".")


def check_stub(stub: Stub, authority: Authority) -> None:
    """See that a stub takes nothing from a cluster that its DNS answers itself.

    Raises:
        StubError: it would; code ``cluster-domain``.
    """
    for name in stub.names:
        _check_name(name, authority.zones, "choose another zone: zones[].name")
    narrow = [zone for zone in authority.zones if zone not in _ALL_ADDRESSES]
    for domain in stub.reverse_zones:
        _check_name(domain, narrow, _OTHER_POOLS)
    pools = [ip_network(pool) for pool in stub.reverse]
    for taken in _networks(authority.ranges if pools else ()):
        for pool in pools:
            if is_touching(pool, taken):
                names = f"the names of {taken}, which are Services or pods,"
                raise _refused(f"the reverse zones of {pool}", names, _OTHER_POOLS)


def _networks(ranges: Iterable[str]) -> Iterator[Network]:
    """Yield CIDRs, whose addresses may be any in them; of one that cannot be read, none."""
    for cidr in ranges:
        with suppress(ValueError):
            yield ip_network(cidr, strict=False)


def _keys(block: Block) -> Iterator[Key]:
    """Yield the zones that a block answers from Kubernetes: those of the plugin, else its own."""
    for directive in block.named(_PLUGIN):
        words = [word for word in directive.lines[0][1:] if word != "{"]
        if words:
            yield from (key for word in words for key in parse_key(word))
        else:
            yield from block.zones


def _check_name(name: str, zones: Iterable[str], hint: str) -> None:
    for zone in zones:
        if are_related(name, zone):
            raise _refused(f"a stub for {name}", zone, hint)


def _refused(what: str, taken: str, hint: str) -> StubError:
    reason = f"{what} would take {taken} from the cluster's DNS, which answers that itself"
    return StubError(reason, code="cluster-domain", hint=hint)
