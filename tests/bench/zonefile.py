"""The zone that globaldns answers, written for servers that read files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.system.running import Mesh

ZONE = "global"
APEX = """\
$ORIGIN global.
$TTL 30
@ IN SOA ns hostmaster 1 3600 600 86400 10
@ IN NS ns
ns IN A 127.0.0.1
"""


@dataclass(frozen=True, slots=True)
class ZoneFiles:
    """One zone in the two forms that peers read: a master file and a hosts file."""

    master: Path
    hosts: Path


def answered(mesh: Mesh) -> dict[str, str]:
    """Return every host of a running globaldns with the address that it answers.

    Raises:
        RuntimeError: it does not say.
    """
    done = mesh.run("list", "-o", "json")
    if done.returncode != 0:
        raise RuntimeError(f"the services cannot be listed: {done.stderr.strip()}")
    return addresses(json.loads(done.stdout))


def addresses(listed: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Return names with their first address; wildcards and hosts without one are left out."""
    return {
        name: service["vips"][0]
        for service in listed["services"]
        for name in service["names"]
        if service["vips"] and not name.startswith("*")
    }


def write(folder: Path, vips: Mapping[str, str]) -> ZoneFiles:
    """Write the zone of these hosts and addresses."""
    files = ZoneFiles(folder / f"{ZONE}.zone", folder / f"{ZONE}.hosts")
    records = (f"{host}. IN A {vip}\n" for host, vip in vips.items())
    files.master.write_text(APEX + "".join(records))
    files.hosts.write_text("".join(f"{vip} {host}\n" for host, vip in vips.items()))
    return files
