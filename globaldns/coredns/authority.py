"""What a cluster's own DNS answers itself, which no stub may take from it.

Of two zones CoreDNS asks the longer one: a stub for the cluster's domain, for one above or below
it, or for the reverse zones of its Services and pods would be asked in its place.

==================================  ==============================================================
what is known                       what is not taken
==================================  ==============================================================
zones of plugin ``kubernetes``,     these, what is above them and what is below
those of ``k8s_external``,
and kube-dns's ``--domain``
of these an environment variable    what is above or below the labels behind it; of one without
                                    any, nothing: a note tells the person who installs us
of these ``in-addr.arpa`` and       what is above, and names of addresses that the cluster has:
``ip6.arpa``                        those of VIPs are below too, and ours
the root zone                       nothing: no domain is named
==================================  ==============================================================

Source: ``plugin/kubernetes``, ``plugin/k8s_external`` of github.com/coredns/coredns.
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

_PLUGINS = ("kubernetes", "k8s_external")
_ALL_ADDRESSES = frozenset((IPV4_NAMES, IPV6_NAMES))
_OTHER_ZONE = "choose another zone: zones[].name"
_OTHER_POOLS = "leave stub.reverse out, or choose other vips.pools"


class Authority(msgspec.Struct, frozen=True):
    """What is known to be the cluster's."""

    zones: tuple[str, ...] = ()
    """Lower case, without a dot at the end."""
    ranges: tuple[str, ...] = ()
    """CIDRs of Services and pods."""
    unknown: tuple[Key, ...] = ()
    """Zones that depend on the environment of the cluster's DNS."""


def authority_of(facts: Facts) -> Authority:
    """Return what a cluster's DNS is seen to answer itself."""
    domains = (load.domain for load in facts.workloads if load.domain)
    keys = dict.fromkeys(_keys_in(facts.corefiles.values()))
    zones = (*(key.known_end for key in keys if key.is_known), *domains)
    unknown = tuple(key for key in keys if not key.is_known)
    return Authority(tuple(dict.fromkeys(zones)), facts.ranges, unknown)


def _keys_in(corefiles: Iterable[str]) -> Iterator[Key]:
    """Yield the zones that Corefiles answer from Kubernetes; of one that cannot be read, none."""
    for text in corefiles:
        with suppress(StubError):
            for block in parse_corefile(text).blocks:
                yield from (key for key in _keys(block) if key.zone != ROOT_ZONE)


def check_stub(stub: Stub, authority: Authority) -> None:
    """See that a stub takes nothing from a cluster that its DNS answers itself.

    Raises:
        StubError: it would; code ``cluster-domain``.
    """
    for name in stub.names:
        _check_name(name, authority.zones, _OTHER_ZONE)
        _check_unknown(name, authority.unknown)
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
    """Yield the zones that a block answers from Kubernetes: those of a plugin, else its own."""
    for directive in (one for plugin in _PLUGINS for one in block.named(plugin)):
        words = [word for word in directive.lines[0][1:] if word != "{"]
        if words:
            yield from (key for word in words for key in parse_key(word))
        else:
            yield from block.zones


def _check_name(name: str, zones: Iterable[str], hint: str) -> None:
    for zone in zones:
        if are_related(name, zone):
            raise _refused(f"a stub for {name}", zone, hint)


def _check_unknown(name: str, keys: Iterable[Key]) -> None:
    for key in keys:
        if key.known_end and are_related(name, key.known_end):
            raise StubError(
                f"a stub for {name} may take {key.zone} from the cluster's DNS, which answers that "
                "itself, and has it from its environment",
                code="cluster-domain",
                hint=f"write that zone out in the Corefile, or {_OTHER_ZONE}",
            )


def _refused(what: str, taken: str, hint: str) -> StubError:
    reason = f"{what} would take {taken} from the cluster's DNS, which answers that itself"
    return StubError(reason, code="cluster-domain", hint=hint)
