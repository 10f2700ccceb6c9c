"""Stub domains as kube-dns has them: JSON, from a domain to its servers.

``stubDomains`` of ConfigMap ``kube-system/kube-dns`` is read by kube-dns, by NodeLocal DNSCache,
and by GKE for all of its DNS. JSON has no comments to mark what is ours: an entry is ours if we are
known to have written it. All else keeps its bytes, also what says what we would, for text that does
not parse is ignored whole.

Source: https://kubernetes.io/docs/tasks/administer-cluster/dns-custom-nameservers
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping

import msgspec

from globaldns.coredns.corefile import refusal
from globaldns.coredns.stub import Stub, refuse_fallthrough
from globaldns.errors import StubError
from globaldns.model.host import fold

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Entry(msgspec.Struct, frozen=True):
    """One domain; text[start:value] is its key with its colon, text[value:stop] its servers."""

    domain: str
    """Folded, without a dot at its end."""
    servers: list[str]
    start: int
    value: int
    stop: int


def fingerprints(before: str | None, after: str, known: Collection[str] = ()) -> frozenset[str]:
    """Return what tells our entries again: those that came with a change, and were known before.

    Raises:
        StubError: one of the texts cannot be read.
    """
    standing = _prints(before)
    return frozenset(one for one in _prints(after) if one in known or one not in standing)


def alike(text: str | None, stub: Stub) -> frozenset[str]:
    """Return the fingerprints of entries that say what ours would.

    Raises:
        StubError: the text cannot be read.
    """
    ours = {_print(domain, list(stub.targets)) for domain in stub.domains}
    return _prints(text) & ours


def told(text: str | None, stub: Stub) -> tuple[str, ...]:
    """Return the domains of ours whose entries say what ours would.

    Raises:
        StubError: the text cannot be read.
    """
    standing = _prints(text)
    return tuple(one for one in stub.domains if _print(one, list(stub.targets)) in standing)


def servers_of(text: str | None, domain: str) -> list[str] | None:
    """Return where a domain is sent, whoever wrote it; None: nowhere.

    Raises:
        StubError: the text cannot be read.
    """
    entries = () if text is None else _entries(text)
    return next((entry.servers for entry in entries if entry.domain == domain), None)


def install(text: str | None, stub: Stub, known: Collection[str] = ()) -> str:
    """Return stub domains with ours; ``text`` is None where there is no such key.

    Raises:
        StubError: they cannot be read, or one of our domains is somebody else's; the code says
            which.
    """
    refuse_fallthrough(stub, "who reads stub domains (kube-dns, NodeLocal DNSCache)")
    if text is None:
        return _whole({domain: list(stub.targets) for domain in stub.domains})
    for entry in reversed(_entries(text)):
        text = _corrected(text, entry, stub, known)
    standing = {entry.domain for entry in _entries(text)}
    for domain in stub.domains:
        if domain not in standing:
            text = _added(text, f"{json.dumps(domain)}: {_value(stub)}")
    return text


def remove(text: str, known: Collection[str] = ()) -> str | None:
    """Return stub domains without ours; None: the key was ours alone, and goes.

    Raises:
        StubError: they cannot be read.
    """
    entries = _entries(text)
    ours = [entry for entry in entries if _print(entry.domain, entry.servers) in known]
    made = _whole({entry.domain: entry.servers for entry in ours})
    if ours and text == made:
        return None
    for entry in reversed(ours):
        text = _dropped(text, entry)
    return text


def _corrected(text: str, entry: Entry, stub: Stub, known: Collection[str]) -> str:
    """Return a text in which one entry says what it should, if it is one of ours."""
    is_ours = _print(entry.domain, entry.servers) in known
    if entry.domain not in stub.domains:
        return _dropped(text, entry) if is_ours else text
    if entry.servers == list(stub.targets):
        return text
    if not is_ours:
        raise refusal(
            text,
            entry.start,
            f"a stub domain {entry.domain} that is not ours",
            code="user-owned",
            hint="remove it",
        )
    return text[: entry.value] + _value(stub) + text[entry.stop :]


def _added(text: str, entry: str) -> str:
    entries = _entries(text)
    if not entries:
        start = text.index("{") + 1
        return text[:start] + entry + text[start:]
    last = entries[-1]
    before = max(text.rfind(sign, 0, last.start) for sign in "{,") + 1
    blank = text[before : last.start] or " "
    return f"{text[: last.stop]},{blank}{entry}{text[last.stop :]}"


def _dropped(text: str, entry: Entry) -> str:
    entries = _entries(text)
    at = [other.start for other in entries].index(entry.start)
    if at:
        return text[: entries[at - 1].stop] + text[entry.stop :]
    stop = entries[1].start if entries[1:] else entry.stop
    return text[: entry.start] + text[stop:]


def _entries(text: str) -> list[Entry]:
    """Return what the text has.

    Raises:
        StubError: it is no JSON mapping from domains to lists of servers; code ``syntax``.
    """
    try:
        mapping = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _unreadable(text, error.pos, error.msg[:1].lower() + error.msg[1:]) from None
    except (ValueError, RecursionError):
        raise _unreadable(text, 0, "no JSON that kube-dns reads") from None
    if not isinstance(mapping, dict):
        raise _unreadable(text, 0, "no mapping from domains to servers")
    entries = list(_scan(text))
    for entry in entries:
        if not _is_list_of_servers(entry.servers):
            raise _unreadable(text, entry.value, f"the servers of {entry.domain} are no list")
    return entries


def _refuse_constant(name: str) -> None:
    """Refuse NaN and its like, which Python alone takes for JSON."""
    raise ValueError(name)


def _is_list_of_servers(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _unreadable(text: str, offset: int, reason: str) -> StubError:
    hint = "mend the JSON: as it is, all of it is ignored"
    return refusal(text, offset, reason, code="syntax", hint=hint)


def _scan(text: str) -> Iterator[Entry]:
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        domain, stop = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, stop) + 1)
        servers, end = _DECODER.raw_decode(text, value)
        yield Entry(fold(domain), servers, at, value, end)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _value(stub: Stub) -> str:
    return json.dumps(list(stub.targets))


def _whole(entries: Mapping[str, object]) -> str:
    """Return the text that we make where there is none."""
    lines = ",\n".join(f"  {json.dumps(one)}: {json.dumps(to)}" for one, to in entries.items())
    return f"{{\n{lines}\n}}\n"


def _prints(text: str | None) -> frozenset[str]:
    entries = () if text is None else _entries(text)
    return frozenset(_print(entry.domain, entry.servers) for entry in entries)


def _print(domain: str, servers: object) -> str:
    return hashlib.sha256(json.dumps([domain, servers]).encode()).hexdigest()
