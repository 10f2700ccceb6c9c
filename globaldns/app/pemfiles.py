"""The PEM files of Envoys: whether they are there, which Envoys themselves look at but once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from globaldns.config.problem import Problem
from globaldns.config.routing import EnvoySettings
from globaldns.envoy.rules import Credentials
from globaldns.envoy.secrets import pem_files

REMEDY = "what is renamed into place there, Envoys take without a restart"


class PemFiles:
    """Those that the documents of secrets name."""

    def __init__(self) -> None:
        self.missing: frozenset[str] = frozenset()
        """The paths of those that were not there at the last look."""
        self.turned: frozenset[str] = frozenset()
        """The secrets that are to be said in other words, so that they are looked at again."""
        self._credentials: Credentials | None = None
        self._lacking: frozenset[str] = frozenset()
        """The secrets that lacked a file."""

    def look(self, credentials: Credentials) -> bool:
        """Look for them; return whether a secret has all of its files now, and had not."""
        secrets = pem_files(credentials)
        self.missing = find_missing(credentials)
        lacking = frozenset(name for name in secrets if not self.missing.isdisjoint(secrets[name]))
        if credentials != self._credentials:
            self._credentials, self._lacking, self.turned = credentials, lacking, lacking
            return False
        came, self._lacking = self._lacking - lacking, lacking
        self.turned ^= came
        return bool(came)


def find_missing(credentials: Credentials) -> frozenset[str]:
    """Return the paths of the files that are not there."""
    return frozenset(
        path for paths in pem_files(credentials).values() for path in paths if is_missing(path)
    )


def is_missing(path: str | Path) -> bool:
    """Whether a file is not there, or has nothing in it yet.

    One that we may not look for counts as there: an Envoy is somebody else.
    """
    try:
        return Path(path).stat().st_size == 0
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def missing_problems(envoy: EnvoySettings) -> Iterator[Problem]:
    """Yield which files that a configuration names for Envoys are not there."""
    named = {"certificate": envoy.certificate, "key": envoy.key, "authority": envoy.authority}
    for key, path in named.items():
        if is_missing(path):
            yield Problem(
                f"$.envoy.{key}",
                f"{path} is not there: what takes mutual TLS alone is out of reach",
                REMEDY,
                code="no-certificate",
                is_fatal=False,
            )
