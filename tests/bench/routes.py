"""The routes of a cluster as documents, from manifests that nobody has read: two runs of one text.

Of several runs the shortest counts, since all that disturbs them makes them longer.
"""

from __future__ import annotations

import time
from pathlib import Path

from tests.bench.subject import Figures, NotAnswering, mesh_of, say
from tests.system.running import Mesh

FULL, SMALL = 10_000, 500
PER_FILE = 334


def run(folder: Path, services: int, *, times: int) -> Figures:
    """Measure ``globaldns export``, printed and as files.

    Raises:
        NotAnswering: two runs came to other texts, or one failed.
    """
    say(f"writing {services:,} services")
    mesh = mesh_of(folder / "mesh", services, per_file=PER_FILE, has_example=True)
    printed = [export(mesh) for _ in range(max(2, times))]
    texts = {text for _, text in printed}
    if len(texts) > 1:
        raise NotAnswering("two exports of one mesh differ")
    to = ("--to", str(folder / "routes"))
    first, again = export(mesh, *to)[0], export(mesh, *to)[0]
    return {
        "services": float(services),
        "documents": float(texts.pop().count("\nkind: ")),
        "export_seconds": min(seconds for seconds, _ in printed),
        "files_first_seconds": first,
        "files_again_seconds": again,
    }


def export(mesh: Mesh, *arguments: str) -> tuple[float, str]:
    """Return how long one run takes, and what it prints.

    Raises:
        NotAnswering: it fails.
    """
    say(f"… export {' '.join(arguments[:1])}")
    started = time.monotonic()
    done = mesh.run("export", "--cluster", "east", *arguments)
    seconds = time.monotonic() - started
    if done.returncode:
        raise NotAnswering(done.stderr[-500:])
    return seconds, done.stdout
