"""Manifests as large as they are asked for, spread over the example's three clusters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

CLUSTERS = ("east", "west", "flat")
PER_NAMESPACE = 100

ENTRY = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: {name}
  namespace: {namespace}
spec:
  hosts:
  - {name}.{namespace}.global
  location: MESH_INTERNAL
  resolution: STATIC
  ports:
  - number: 8080
    name: http
    protocol: HTTP
  endpoints:
  - address: {endpoint}
"""
"""About 300 octets: 30 MB for 100,000."""


def host(number: int) -> str:
    """Return the name of the numbered service, with its zone."""
    return f"service-{number}.team-{number // PER_NAMESPACE}.global"


def entry(number: int) -> str:
    """Return the numbered service as YAML."""
    name, namespace, _ = host(number).split(".")
    octets = (number >> 16 & 255, number >> 8 & 255, number & 255)
    return ENTRY.format(name=name, namespace=namespace, endpoint="10.{}.{}.{}".format(*octets))


def write(directories: dict[str, Path], *, services: int, files: int) -> list[Path]:
    """Write that many services into that many files; return the files."""
    written = []
    for index in range(files):
        directory = directories[CLUSTERS[index % len(CLUSTERS)]]
        path = directory / f"generated-{index:03}.yaml"
        path.write_text("---\n".join(map(entry, _share(index, services=services, files=files))))
        written.append(path)
    return written


def _share(index: int, *, services: int, files: int) -> Iterator[int]:
    """The services of one file: a run of neighbours, as a team would keep them."""
    yield from range(services * index // files, services * (index + 1) // files)
