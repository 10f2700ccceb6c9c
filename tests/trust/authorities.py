"""Certificates for the tests of trust, at a time of their own."""

from __future__ import annotations

from pathlib import Path

from globaldns.trust.issuing import Authority, KeyType, issue_intermediate, issue_root
from globaldns.trust.layout import format_cacerts, format_root, write_files
from globaldns.trust.validity import DAY_SECONDS

NOW = 1_767_323_045
"""2026-01-02T03:04:05Z."""


def make_root(*, now: int = NOW, days: int = 3650) -> Authority:
    return issue_root(organization="Acme", key_type=KeyType.EC, now=now, days=days)


def make_intermediate(
    root: Authority, cluster: str = "east", *, now: int = NOW, days: int = 730
) -> Authority:
    return issue_intermediate(root, cluster, now=now, days=days)


def write_root(folder: Path, root: Authority) -> Path:
    """Write a root's directory and return it."""
    write_files(folder, format_root(root))
    return folder


def write_cacerts(folder: Path, root: Authority, *, now: int = NOW, days: int = 730) -> Path:
    """Write an intermediate's directory, which is named as its cluster, and return it."""
    write_files(folder, format_cacerts(make_intermediate(root, folder.name, now=now, days=days)))
    return folder


def after(days: int) -> int:
    """Return the time so many days later."""
    return NOW + days * DAY_SECONDS
