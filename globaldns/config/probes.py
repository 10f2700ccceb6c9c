"""What the keys of ``routing.probes`` must be to each other. Pure: no file is looked at."""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.config.problem import Problem, join
from globaldns.config.routing import ProbeSettings
from globaldns.config.schema import Config
from globaldns.config.values import format_duration, split_listen

MIN_INTERVAL = 1.0
"""Seconds; a gateway is not to be busy with us."""
MAX_RESOLVERS = 3
"""As in resolv.conf(5)."""

_PATH = "$.routing.probes"


def check_probes(config: Config) -> Iterator[Problem]:
    """Yield every problem of ``routing.probes``."""
    probes = config.routing.probes
    if 0 < probes.interval < MIN_INTERVAL:
        least = format_duration(MIN_INTERVAL)
        reason = f"{format_duration(probes.interval)} is too often"
        yield Problem(f"{_PATH}.interval", reason, f"at least {least}, or 0s for never")
    yield from _check_resolvers(probes)
    yield from _check_files(probes)


def _check_resolvers(probes: ProbeSettings) -> Iterator[Problem]:
    path = f"{_PATH}.resolvers"
    if len(probes.resolvers) > MAX_RESOLVERS:
        yield Problem(path, f"{len(probes.resolvers)} resolvers", f"at most {MAX_RESOLVERS}")
    for index, address in enumerate(probes.resolvers):
        if address and not split_listen(address)[1]:
            yield Problem(join(path, index), f"{address!r} has port 0", "DNS has port 53")


def _check_files(probes: ProbeSettings) -> Iterator[Problem]:
    files = {
        "certificate": probes.certificate,
        "key": probes.key,
        "authority": probes.authority,
    }
    missing = [key for key, path in files.items() if path is None]
    if 0 < len(missing) < len(files):
        there = " and ".join(key for key, path in files.items() if path is not None)
        for key in missing:
            reason = f"is missing beside {there}"
            hint = "a handshake takes certificate, key and authority; a connection none of them"
            yield Problem(f"{_PATH}.{key}", reason, hint)
