"""How resolvers outside of clusters learn whom to ask for our zones.

Each text is a file of its own, for the folder that the resolver reads such files from. The public
root says with a signature what is below ``global``: whoever validates has to be told that ours is
not signed.

Standards:
    resolved.conf(5)               address:port since systemd 246; ``~`` makes a domain a route
    dnssec-trust-anchors.d(5)      what is below a negative anchor need not be signed
    dnsmasq(8)                     --server, --rebind-domain-ok; a zone with servers of its own is
                                   not validated
    unbound.conf(5)                stub-zone, domain-insecure, local-zone
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from globaldns.coredns.stub import Server, Stub, refuse_fallthrough


def resolved_drop_in(domains: Iterable[str], servers: Iterable[str]) -> str:
    """Return the drop-in that sends names of the domains to servers, ``address:port`` each.

    There is one list of servers beside those of links, and any of it may be asked for any name:
    ours have to be the only ones in it. What is not below the domains links' servers are asked too,
    and ours refuse it.
    """
    routes = " ".join(f"~{domain}" for domain in domains)
    return f"[Resolve]\nDNS={' '.join(servers)}\nDomains={routes}\n"


_PRIVATE = (
    *("home.arpa", "10.in-addr.arpa", *(f"{number}.172.in-addr.arpa" for number in range(16, 32))),
    *("168.192.in-addr.arpa", "170.0.0.192.in-addr.arpa", "171.0.0.192.in-addr.arpa"),
    *("d.f.ip6.arpa", "ipv4only.arpa", "resolver.arpa", "alt", "corp", "home", "internal"),
    *("intranet", "lan", "local", "private", "test"),
)
"""What systemd-resolved does not validate by itself, and does as soon as there is a file of these
(``resolved-dns-trust-anchor.c`` of github.com/systemd/systemd); what an older one lacks, such as
``resolver.arpa`` (RFC 9462) and ``alt`` (RFC 9476), nobody signs either."""


def negative_anchors(domains: Iterable[str]) -> str:
    """Return the domains that are not signed, whatever their parents say, and all others."""
    return "".join(f"{domain}\n" for domain in dict.fromkeys((*domains, *_PRIVATE)))


def dnsmasq_conf(stub: Stub) -> str:
    """Return the text for a file in ``/etc/dnsmasq.d``.

    Raises:
        StubError: dnsmasq cannot do what the stub says.
    """
    refuse_fallthrough(stub, "dnsmasq")
    names = "/".join(stub.names)
    return "".join(
        f"{line}\n"
        for line in (
            *(
                f"server=/{domain}/{server.address}#{server.port}"
                for domain in stub.domains
                for server in stub.servers
            ),
            f"rebind-domain-ok=/{names}/",
        )
    )


def unbound_conf(stub: Stub) -> str:
    """Return the text for a file in ``/etc/unbound/unbound.conf.d``.

    Raises:
        StubError: unbound cannot do what the stub says.
    """
    refuse_fallthrough(stub, "unbound")
    return "".join(f"{line}\n" for line in _unbound_lines(stub))


def _unbound_lines(stub: Stub) -> Iterator[str]:
    yield "server:"
    if any(map(_is_loopback, stub.servers)):
        yield "  do-not-query-localhost: no"
    yield from (f'  domain-insecure: "{domain}"' for domain in stub.domains)
    yield from (f'  private-domain: "{name}"' for name in stub.names)
    yield from (f'  local-zone: "{zone}" transparent' for zone in stub.reverse_zones)
    for domain in stub.domains:
        yield "stub-zone:"
        yield f'  name: "{domain}"'
        for server in stub.servers:
            yield f"  stub-addr: {server.address}@{server.port}"
        if stub.force_tcp:
            yield "  stub-tcp-upstream: yes"
        if not stub.cache_seconds:
            yield "  stub-no-cache: yes"


def _is_loopback(server: Server) -> bool:
    return ip_address(server.address).is_loopback
