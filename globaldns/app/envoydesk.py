"""The files of one Envoy: which of them change, and in which order they are replaced."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

from globaldns.app.pemfiles import PemFiles
from globaldns.envoy.book import Book, Documents, Scene, Step, release
from globaldns.envoy.rules import Role
from globaldns.envoy.secrets import secret_files
from globaldns.model.host import Host
from globaldns.model.service import Service
from globaldns.state.replacing import replace_file

SETTLE_SECONDS = 0.1
"""How long an Envoy has to take its listeners before the clusters go that they led to."""
_READABLE = 0o644
"""An Envoy runs as somebody else; no document has a secret in it."""
_FOLDER = 0o755


class Desk:
    """What one Envoy was told, and is to be told."""

    def __init__(self, role: Role, scene: Scene) -> None:
        self.folder = Path(scene.rules.folder)
        self.pem_files = PemFiles()
        self._role = role
        self._book: Book | None = None
        self._released: Documents | None = None
        self._written: dict[str, bytes] = {}
        """Digests of the files, by name."""

    def take_in(
        self, scene: Scene, changed: Iterable[Host], services: Mapping[Host, Service]
    ) -> bool:
        """Take in services, all of them in another scene; return whether an endpoint is gone."""
        if self._book is None or self._book.scene != scene:
            self._book = Book(self._role, scene)
            for service in services.values():
                self._book.put(service)
            return True
        is_gone = False
        for host in changed:
            if (new := services.get(host)) is None:
                is_gone |= self._book.drop(host)
            else:
                is_gone |= self._book.put(new)
        return is_gone

    def look(self) -> bool:
        """Look for PEM files; return whether some have come of which Envoys have to be told."""
        return self._book is not None and self.pem_files.look(self._book.scene.rules.credentials)

    def write(self) -> int:
        """Replace the files that are different; return how many.

        Raises:
            OSError: not all are written; what is missing is written the next time.
        """
        if self._book is None:
            return 0
        self.folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        self.look()
        documents = self._book.documents()
        secrets = secret_files(self._book.scene.rules.credentials, self.pem_files.turned)
        count = sum(self._replace(Step(*one)) for one in secrets.items())
        count += self._release(release(self._released, documents))
        self._released = documents
        return count

    def _release(self, steps: Iterator[Step]) -> int:
        names: set[str] = set()
        count = 0
        for step in steps:
            if step.name in names:
                time.sleep(SETTLE_SECONDS)
            names.add(step.name)
            count += self._replace(step)
        return count

    def _replace(self, step: Step) -> bool:
        """Write a file, unless it says that already; return whether it did not."""
        path = self.folder / step.name
        digest = _digest(step.payload)
        if not path.exists():
            self._written.pop(step.name, None)
        elif step.name not in self._written:
            self._written[step.name] = _digest(path.read_bytes())
        if self._written.get(step.name) == digest:
            return False
        replace_file(path, step.payload, mode=_READABLE)
        self._written[step.name] = digest
        return True


def write_once(folder: Path, secrets: Mapping[str, bytes], documents: Documents) -> None:
    """Write the documents of an Envoy of which nothing was written before.

    Raises:
        OSError: not all are written.
    """
    folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    for name, payload in (*secrets.items(), *release(None, documents)):
        replace_file(folder / name, payload, mode=_READABLE)


def _digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=16).digest()
