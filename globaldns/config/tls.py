"""What the keys of DNS over TLS must be to each other, and to the other listeners' addresses.

Pure: the files that they name are looked at by ``dns.certificate``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from globaldns.config.problem import Problem, join
from globaldns.config.schema import Config, DnsSettings, TlsSettings
from globaldns.config.values import split_listen

TLS_PORT = 853
"""RFC 7858 section 3.1."""

_PATH = "$.dns.tls"
_LISTEN = f"{_PATH}.listen"
_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104  # compared with, not bound


def is_tls_on(dns: DnsSettings) -> bool:
    """Whether DNS over TLS is answered."""
    return dns.tls.certificate is not None


def check_tls(config: Config) -> Iterator[Problem]:
    """Yield every problem of ``dns.tls``."""
    tls = config.dns.tls
    yield from _check_pair(tls)
    if tls.listen is not None:
        yield from _check_listen(tls.listen, config)
    elif is_tls_on(config.dns):
        yield from _check_default(config)


def _check_pair(tls: TlsSettings) -> Iterator[Problem]:
    if tls.certificate is None and tls.key is not None:
        reason = "is missing: there is a key and no certificate"
        yield Problem(f"{_PATH}.certificate", reason, "name its PEM file, or remove key")
    elif tls.certificate is not None and tls.key is None:
        reason = "is missing: there is a certificate and no key"
        yield Problem(f"{_PATH}.key", reason, "name the PEM file with the certificate's key")
    elif tls.certificate is None and tls.listen is not None:
        reason = "there is no certificate to answer with"
        yield Problem(_LISTEN, reason, "name certificate and key, or remove listen")


def _check_listen(listen: Sequence[str], config: Config) -> Iterator[Problem]:
    for index, address in enumerate(listen):
        for key, other in _others(listen[:index], config):
            if is_same_place(address, other):
                reason = f"{address!r} is listed twice"
                if key:
                    reason = f"{address!r} is taken by {key}, {other!r}"
                yield Problem(join(_LISTEN, index), reason, "use another port")
                break


def _others(before: Sequence[str], config: Config) -> Iterator[tuple[str, str]]:
    """Yield what is listened on besides, with the key that says so; our own has none."""
    yield from (("", address) for address in before)
    yield from (("dns.listen", address) for address in config.dns.listen or ())
    yield ("admin.listen", config.admin.listen)


def _check_default(config: Config) -> Iterator[Problem]:
    """The default port is nobody else's where its address is the default too."""
    ours = [f"{address.rpartition(':')[0]}:{TLS_PORT}" for address in config.dns.listen or ()]
    for key, other in _others((), config):
        if any(is_same_place(address, other) for address in ours):
            reason = f"{other!r}, of {key}, is where DNS over TLS listens by default"
            yield Problem(_LISTEN, reason, "set it, or use another port there")


def is_same_place(one: str, other: str) -> bool:
    """Whether two listeners would be in each other's way; an empty text never is."""
    if not one or not other:
        return False
    (host, port), (other_host, other_port) = split_listen(one), split_listen(other)
    if port != other_port or not port or (":" in host) is not (":" in other_host):
        return False
    return host == other_host or not _WILDCARDS.isdisjoint((host, other_host))
