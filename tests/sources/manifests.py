"""Manifests in text, for the tests of sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from globaldns.exports.rules import ExportRules
from globaldns.model.view import Change, Put, Remove, SetFreshness, View
from globaldns.sources.directory import DirectorySource
from globaldns.sources.turns import Moment

GRACE = 30.0
RULES = ExportRules(cluster="east", zones=("global",))


def entry(name: str, port: int = 80, namespace: str = "ns") -> str:
    return f"""\
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  hosts: [{name}.{namespace}.global]
  location: MESH_INTERNAL
  resolution: STATIC
  ports:
  - number: {port}
    name: http
    protocol: HTTP
  endpoints: [{{address: 10.0.0.1}}]
"""


def vip_ledger(cluster: str, *claims: str, marker: str = "m") -> str:
    """A cluster's whole ledger; claims are lines as ``vip export`` writes them."""
    lines = "".join(f"    {line}\n" for line in claims)
    return f"""\
---
apiVersion: globaldns.io/v1alpha1
kind: VIPLedger
metadata: {{name: shard}}
spec:
  cluster: {cluster}
  marker: {{id: {marker}, created: "2026-01-02T03:04:05Z"}}
  data: |
{lines}"""


def entries(*names: str) -> str:
    return "".join(map(entry, names))


def refused(name: str) -> str:
    """An entry that Istio's webhook refuses: its port number is out of range."""
    return entry(name, port=70_000)


def misshapen(name: str) -> str:
    """An entry that an API server refuses: a label is no text."""
    return entry(name).replace(f"{{name: {name},", f"{{name: {name}, labels: {{a: 1}},")


def at(seconds: float) -> Moment:
    return Moment(1_800_000_000 + int(seconds), 1000.0 + seconds)


def hosts(source: DirectorySource | View) -> set[str]:
    view = source if isinstance(source, View) else source.view()
    return {export.host.removesuffix(".ns") for export in view.exports}


def edits(changes: Sequence[Change]) -> list[Change]:
    """Return all but how the source stands: the first reading is believed after its grace."""
    return [change for change in changes if not isinstance(change, SetFreshness)]


def put(changes: Sequence[Change]) -> list[str]:
    return [change.export.host for change in changes if isinstance(change, Put)]


def removed(changes: Sequence[Change]) -> list[str]:
    return [change.host for change in changes if isinstance(change, Remove)]


def started(root: Path, remembered: View | None = None, **files: str) -> DirectorySource:
    for name, text in files.items():
        (root / f"{name}.yaml").write_text(text)
    source = DirectorySource(root, RULES, grace=GRACE, remembered=remembered)
    source.read_once(at(0))
    return source


def serving(root: Path, remembered: View | None, *zones: str) -> DirectorySource:
    """Return a source that is not read yet, of a server with these zones."""
    rules = msgspec.structs.replace(RULES, zones=zones)
    return DirectorySource(root, rules, grace=GRACE, remembered=remembered)


def state(source: DirectorySource) -> str:
    return source.freshness.state.value


def empty(root: Path) -> None:
    for path in root.iterdir():
        path.unlink()


def remembered(root: Path, **files: str) -> View:
    view = started(root, **files).view()
    empty(root)
    return view
