"""What the keys of ``routing.probes`` must be to each other. Pure: no file is looked at."""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.config.problem import Problem
from globaldns.config.schema import Config

_PATH = "$.routing.probes"


def check_probes(config: Config) -> Iterator[Problem]:
    """Yield which of the files of a handshake are missing."""
    probes = config.routing.probes
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
