"""What the registry is told by the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from hashlib import blake2b

import msgspec

from globaldns.model.address import Family, Prefix
from globaldns.model.claim import Claim
from globaldns.model.fingerprint import Fingerprint
from globaldns.model.host import Host, is_service_host, namespace_of
from globaldns.model.lost import LostRules
from globaldns.registry.vip import is_barred

HANDOVER_TTLS = 10
"""How many of the largest TTL a name waits for a VIP that was answered for another host: resolvers
that cache longer than they were told mostly do so by small factors."""

_DIGEST_OCTETS = 8


class ClusterRules(msgspec.Struct, frozen=True, gc=False):
    """What one configured cluster may do."""

    allow_namespaces: tuple[str, ...] = ("*",)
    """Namespaces it may export from, with ``*`` and ``?`` as in a shell."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts of other shapes than name.namespace that it may export, written with their zone."""
    fenced: bool = False
    """Its exports do not count; its claims still do."""
    lost: LostRules = LostRules()
    """What becomes of its exports when it has gone quiet."""

    def may_export(self, host: Host, zones: tuple[str, ...]) -> bool:
        """Whether a host may come from this cluster."""
        if is_service_host(host):
            if "*" in self.allow_namespaces:
                return True
            namespace = namespace_of(host)
            if any(fnmatchcase(namespace, pattern) for pattern in self.allow_namespaces):
                return True
        return any(
            fnmatchcase(f"{host}.{zone}", pattern) for pattern in self.allow_hosts for zone in zones
        )


_ALLOW_ALL = (ClusterRules().allow_namespaces, ClusterRules().allow_hosts)


def _digest(setting: object) -> str:
    return blake2b(msgspec.json.encode(setting), digest_size=_DIGEST_OCTETS).hexdigest()


class RegistrySettings(msgspec.Struct, frozen=True, kw_only=True):
    """All that the registry obeys; what must be equal in all clusters is equal here."""

    cluster: str
    """Our own id."""
    clusters: Mapping[str, ClusterRules]
    zones: tuple[str, ...]
    """In their configured order: PTR names the first."""
    pools: tuple[Prefix, ...]
    reserved: tuple[Prefix, ...] = ()
    pins: tuple[Prefix, ...] = ()
    allow_special: tuple[Prefix, ...] = ()
    quarantine: int = 7 * 86400
    """Seconds that a released VIP rests."""
    overlap: int = 600
    """Seconds that a VIP which a host had before goes on being routed."""
    largest_ttl: int = 30
    """The largest TTL that is served, in seconds."""
    direct_networks: frozenset[str] = frozenset()
    """Networks whose addresses are reached from every other."""

    @property
    def handover(self) -> int:
        """Seconds that a VIP's new holder waits after it was answered for another host."""
        return HANDOVER_TTLS * self.largest_ttl

    @property
    def patience(self) -> int:
        """Seconds after which a view without contact is too old to be answered from."""
        return self.quarantine // 2

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that have a pool, IPv4 first."""
        return tuple(sorted({pool.family for pool in self.pools}))

    @property
    def fingerprint(self) -> Fingerprint:
        """What must be equal in all clusters.

        Of who may export what it has only restrictions: it is no matter who else is read.
        """
        allow = sorted(
            (cluster, rules.allow_namespaces, rules.allow_hosts)
            for cluster, rules in self.clusters.items()
            if (rules.allow_namespaces, rules.allow_hosts) != _ALLOW_ALL
        )
        return Fingerprint(
            pools=_digest(list(map(str, self.pools))),
            zones=_digest(self.zones),
            allow=_digest(allow),
            quarantine=_digest(self.quarantine),
        )

    def counting(self) -> Callable[[Claim], bool]:
        """Return what says whether a claim is listened to; every claim of a mesh is asked about.

        A cluster that is not configured any more is as if fenced: its claims hold.
        """
        pools = [(pool.first, pool.last) for pool in self.pools]

        def counts(claim: Claim) -> bool:
            vip = claim.vip
            for first, last in pools:
                if first <= vip <= last and len(vip) == len(first):
                    break
            else:
                if is_barred(vip, self.allow_special):
                    return False
            rules = self.clusters.get(claim.cluster)
            return rules is None or rules.may_export(claim.host, self.zones)

        return counts
