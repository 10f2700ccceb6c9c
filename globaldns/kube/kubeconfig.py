"""Kubeconfigs, and what is allowed in one that comes from elsewhere. No client.

What a kubeconfig may say depends on where it comes from. One from a Secret, or from a directory of
them, is another cluster's word: what would run a program or read a file here is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from globaldns.documents.reading import read_documents
from globaldns.errors import DocumentError, KubeconfigError

MAX_OCTETS = 1 << 20
"""A Secret's size; no kubeconfig is larger."""
_PROGRAMS = ("exec", "auth-provider")
_FILES = ("client-certificate", "client-key", "tokenFile", "certificate-authority")
_UNVERIFIED = "insecure-skip-tls-verify"
_SERVER_HINT = "write its API server, like server: https://10.0.0.1:6443"


class Access(msgspec.Struct, frozen=True):
    """How to reach one API server: in a pod its own, else by a kubeconfig."""

    path: Path | None = None
    """A kubeconfig file of our own machine."""
    context: str = ""
    """The context of it; empty: its current one."""
    text: str | None = None
    """A kubeconfig that came from elsewhere."""
    may_run: bool = False
    """Whether that may run programs and read files here."""

    def __repr__(self) -> str:
        """Return what may stand in a log: never the text, which holds a token."""
        return f"Access({self.name})"

    @property
    def name(self) -> str:
        """What a person calls it."""
        if self.text is not None:
            return "remote secret"
        if self.path is None:
            return "service account"
        return f"kubeconfig {self.path}" + (f" ({self.context})" if self.context else "")


def parse_kubeconfig(text: str) -> Mapping[str, Any]:
    """Return a kubeconfig as plain values.

    Raises:
        KubeconfigError: it is none.
    """
    if len(text) > MAX_OCTETS:
        raise KubeconfigError(f"it is no kubeconfig: it has over {MAX_OCTETS >> 10} KiB")
    try:
        found = read_documents(text)
    except DocumentError as error:  # its reason may show what it could not read: a token
        place = f", line {error.line}" if error.line else ""
        raise KubeconfigError(f"it is no YAML{place}") from None
    if len(found) != 1 or not found[0].get("clusters"):
        raise KubeconfigError("it is no kubeconfig", hint="istioctl create-remote-secret makes one")
    for place, settings in _sections(found[0]):
        if not isinstance(settings.get(_UNVERIFIED, False), bool):
            raise KubeconfigError(f"{place}: {_UNVERIFIED} is neither true nor false")
    return found[0]


def check_foreign(config: Mapping[str, Any]) -> None:
    """Refuse a kubeconfig that would run programs or read files here.

    Raises:
        KubeconfigError: it would.
    """
    for place, settings in _sections(config):
        for key in (*_PROGRAMS, *_FILES):
            if key in settings:
                does = "runs a program" if key in _PROGRAMS else "names a file"
                raise KubeconfigError(
                    f"{place} {does} ({key})",
                    hint="put a token and certificate-authority-data into it, "
                    "or allow it with remote_secrets.allow_exec",
                )
        if settings.get(_UNVERIFIED):
            raise KubeconfigError(
                f"{place} does not verify the server ({_UNVERIFIED})",
                hint="put certificate-authority-data into it, "
                "or allow it with remote_secrets.allow_exec",
            )


def check_servers(config: Mapping[str, Any]) -> None:
    """Refuse a kubeconfig with a server that nobody could ever ask.

    Raises:
        KubeconfigError: it has one, or names none.
    """
    for place, settings in _sections(config):
        if place.startswith("user "):
            continue
        server = settings.get("server")
        if not server:
            raise KubeconfigError(f"{place} names no server", hint=_SERVER_HINT)
        if not _is_url(server):
            raise KubeconfigError(
                f"{place} has a server that is no URL of http or https", hint=_SERVER_HINT
            )


def _is_url(server: object) -> bool:
    try:
        parts = urlsplit(server if isinstance(server, str) else "")
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or a bracket too many
        return False


def _sections(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in ("cluster", "user"):
        entries = config.get(f"{kind}s")
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get(kind), Mapping):
                yield f"{kind} {entry.get('name')!r}", entry[kind]
