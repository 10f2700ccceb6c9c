"""Reading the configuration file: all of its problems in one run, or a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from globaldns.config.checks import check
from globaldns.config.problem import Problem, is_within
from globaldns.config.reading import Reading, place
from globaldns.config.schema import Config
from globaldns.config.tls import is_tls_on
from globaldns.documents import locate, read_documents
from globaldns.errors import ConfigError, ConfigUnreadable, DocumentError, InvalidValue

MAX_FILE_OCTETS = 16 << 20
"""Far above any mesh; a wrong path (a disk, a log) is refused before it is parsed."""

UNREADABLE = "unreadable-file"
"""The code of a problem that is none of what a file says."""

RESTART_KEYS: dict[str, Callable[[Config], object]] = {
    "cluster": lambda config: config.cluster,
    "namespace": lambda config: config.namespace,
    "state": lambda config: config.state,
    "remote_secrets": lambda config: config.remote_secrets,
    "vips.ledger": lambda config: config.vips.ledger,
    "dns.listen": lambda config: config.dns.listen,
    "dns.workers": lambda config: config.dns.workers,
    "dns.tls.listen": lambda config: (is_tls_on(config.dns), config.dns.tls.listen),
    "admin.listen": lambda config: config.admin.listen,
}
"""Keys that are looked at only once, at the start."""


Look = Callable[[Config], Iterable[Problem]]
"""Looks at what a configuration names beyond itself; gets stand-ins where it has problems."""


def _look_at_nothing(_config: Config) -> Iterable[Problem]:
    return ()


class Loaded(msgspec.Struct, frozen=True):
    """What reading a file gave."""

    config: Config | None
    """None if there are problems."""
    problems: tuple[Problem, ...] = ()
    """Those for which it cannot be used, sorted by line."""
    warnings: tuple[Problem, ...] = ()
    """The others, sorted by line."""


def load(path: Path, env: Mapping[str, str]) -> Config:
    """Return the configuration that a file holds.

    Raises:
        ConfigUnreadable: it is not there, or cannot be read.
        ConfigError: it cannot be used; the error has a line for every problem.
    """
    loaded = inspect(path, env)
    for problem in loaded.problems:
        if problem.code == UNREADABLE:
            raise ConfigUnreadable(str(path), problem.reason, hint=problem.hint)
    if loaded.config is None:
        raise ConfigError(str(path), tuple(map(str, loaded.problems)))
    return loaded.config


def inspect(path: Path, env: Mapping[str, str], look: Look = _look_at_nothing) -> Loaded:
    """Return the configuration that a file holds, or all that is wrong with it."""
    try:
        text = _read_text(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return _refuse(reason, "name another file with --config", code=UNREADABLE)
    except ValueError as error:
        return _refuse(str(error))
    return inspect_text(text, folder=path.parent, env=env, look=look)


def inspect_text(
    text: str, *, folder: Path, env: Mapping[str, str], look: Look = _look_at_nothing
) -> Loaded:
    """Return the configuration that a text holds; its relative paths begin at ``folder``."""
    try:
        documents = read_documents(text)
    except DocumentError as error:
        return _refuse(str(error), error.hint, line=error.line)
    if len(documents) != 1:
        count = f"{len(documents)} documents" if documents else "nothing"
        return _refuse(f"{count} in it, a configuration is one document")
    document = documents[0]
    reading = Reading(folder=folder, home=env.get("HOME", ""))
    config: Config = reading.read(Config, document)
    if "state" not in document:
        config = _place_state(config, reading, env)
    between = (*check(config), *look(config))
    found = _with_lines([*reading.problems, *_remaining(between, reading.problems)], text)
    problems = tuple(problem for problem in found if problem.is_fatal)
    warnings = tuple(problem for problem in found if not problem.is_fatal)
    return Loaded(None if problems else config, problems, warnings)


def restart_needed(old: Config, new: Config) -> tuple[str, ...]:
    """Return the keys that differ and that a reload cannot change."""
    return tuple(key for key, read in RESTART_KEYS.items() if read(old) != read(new))


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MAX_FILE_OCTETS + 1)
    if len(data) > MAX_FILE_OCTETS:
        raise ValueError(f"over {MAX_FILE_OCTETS >> 20} MiB, no configuration is")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is no UTF-8") from None


def _refuse(reason: str, hint: str = "", *, line: int = 0, code: str = "config") -> Loaded:
    return Loaded(None, (Problem("$", reason, hint, line, code),))


def _place_state(config: Config, reading: Reading, env: Mapping[str, str]) -> Config:
    """Return the configuration with the default state directory, one per cluster."""
    parents = env.get("STATE_DIRECTORY", "").split(":")  # systemd.exec(5): a list by colons
    try:
        parent = place(
            parents[0] or str(config.state),
            folder=Path.cwd(),
            home=env.get("HOME", ""),
        )
    except InvalidValue as error:
        reading.problems.append(Problem("$.state", str(error), error.hint))
        return config
    return msgspec.structs.replace(config, state=parent / config.cluster)


def _remaining(found: Iterable[Problem], known: list[Problem]) -> Iterable[Problem]:
    """Leave out what a problem at the same place, above or below it explains already."""
    for problem in found:
        if not any(
            is_within(problem.path, other.path) or is_within(other.path, problem.path)
            for other in known
        ):
            yield problem


def _with_lines(problems: list[Problem], text: str) -> tuple[Problem, ...]:
    located = [
        msgspec.structs.replace(problem, line=locate(text, 0, problem.path)) for problem in problems
    ]
    return tuple(sorted(located, key=lambda problem: (problem.line, problem.path)))
