"""How the kinds of objects of one API server stand: what each holds, and why it is not read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from enum import Enum, auto
from http import HTTPStatus

from globaldns.errors import ApiError, ApiRefused
from globaldns.exports import marks
from globaldns.kube.resources import (
    ENDPOINT_SLICES,
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    VIP_LEDGERS,
    WORKLOAD_ENTRIES,
    Resource,
)
from globaldns.kube.watch import Absent, Begun, Contact, Failed, Notice, Opened, Scope
from globaldns.model.finding import Finding, Severity
from globaldns.objects import ObjectKey
from globaldns.sources.scopes import DEFINED

DETAILS = frozenset((NODES, PODS, ENDPOINT_SLICES, WORKLOAD_ENTRIES))
"""Kinds without which every name and VIP is known all the same."""
_ALWAYS_SERVED = frozenset((NAMESPACES, SERVICES, NODES, PODS, ENDPOINT_SLICES))
"""Kinds that every API server has: one that does not know them is none."""
_DENIED = "may not be read"
_ALL_DENIED = "its account may not read anything"
_GONE = "is not served any more: what it said last stands"
_GOING = "is being removed, with its CustomResourceDefinition: what it said last stands"
_INSTALL = "install its CustomResourceDefinition again"
_REMOVED = (
    f"or, if that is meant, kubectl annotate namespace {marks.SYSTEM} --overwrite "
    f"{marks.REMOVED_KINDS}="
)
_STRANGE = "is not served, which every API server does"
_OF_SERVER = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS))
"""Refusals that are not about a kind."""


class Standing(Enum):
    """How a part stands."""

    WAITING = auto()
    """Never listed."""
    READ = auto()
    """Listed, and followed since."""
    ABSENT = auto()
    """Not served: there is nothing of it."""
    DENIED = auto()
    """Never listed, for it may not be: nobody knows what there is."""
    SILENT = auto()
    """Listed, and no answer since."""
    GONE = auto()
    """Listed, now or in a former run, and not served any more."""
    GOING = auto()
    """Listed, and about to be served no more: its objects are being removed."""


_MISSED = frozenset((Standing.SILENT, Standing.GONE, Standing.GOING))
_UNSERVED = frozenset((Standing.ABSENT, Standing.GONE))


def is_of_server(error: ApiError) -> bool:
    """Whether a failure is one of the server as a whole, whatever it was asked."""
    if not isinstance(error, ApiRefused):
        return True
    return error.status in _OF_SERVER or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def tell_failure(error: ApiError) -> tuple[str, str]:
    """Return why a server does not tell of a kind, in words without the kind, and the remedy."""
    if not isinstance(error, ApiRefused):
        return str(error), error.hint
    if error.status == HTTPStatus.FORBIDDEN:
        return _DENIED, "bind the cluster roles of deploy/README.md to the account"
    if error.status == HTTPStatus.UNAUTHORIZED:
        return "the server does not accept our credentials", "give its kubeconfig a new token"
    return f"the server answers {error.status}{error.said and f': {error.said}'}", error.hint


class Part:
    """The objects of one scope."""

    def __init__(self, *, is_optional: bool = True, is_known: bool = False) -> None:
        self.standing = Standing.WAITING
        self.reason = ""
        """What is wrong, for people."""
        self.hint = ""
        self.is_unanswered = False
        """Whether that is about the server as a whole: it gave no answer."""
        self.keys: set[ObjectKey] = set()
        self.missing: dict[ObjectKey, float] = {}
        """Of these, what was told to be gone, and when that may be believed."""
        self._is_optional = is_optional
        self.is_known = is_known
        """Whether a former run has read objects of it, and this one has not listed any yet."""
        self._seen: set[ObjectKey] | None = None
        """What a list that is under way has shown."""

    @property
    def is_settled(self) -> bool:
        """Whether it is known what there is, as far as it can be."""
        return self.standing is not Standing.WAITING

    @property
    def is_listed(self) -> bool:
        """Whether it was listed at least once, or there is nothing of it."""
        return self.standing not in (Standing.WAITING, Standing.DENIED)

    @property
    def is_silent(self) -> bool:
        """Whether it was read, and is not now."""
        return self.standing in _MISSED

    @property
    def is_read(self) -> bool:
        """Whether it was read, and is followed now."""
        return self.standing is Standing.READ

    @property
    def is_away(self) -> bool:
        """Whether the kind is not served, or about to be no more."""
        return self.standing in (Standing.GONE, Standing.GOING)

    @property
    def is_going(self) -> bool:
        """Whether its objects are being removed with the kind, which nothing ends but a list."""
        return self.standing is Standing.GOING

    def note(self, notice: Notice) -> None:
        """Take note of what is told of no object."""
        match notice:
            case Begun():
                self._seen = set()
            case Contact() | Opened():
                if self.is_silent and not self.is_going and self._seen is None:
                    self._recover()
            case Absent():
                self._miss()
            case Failed(error):
                self._fail(error)
            case _:
                return

    def hold(self, identity: ObjectKey) -> None:
        """Take note of an object."""
        self.keys.add(identity)
        self.missing.pop(identity, None)
        if self._seen is not None:
            self._seen.add(identity)

    def holds(self, identity: ObjectKey) -> bool:
        """Whether an object is there."""
        return identity in self.keys

    def lose(self, identity: ObjectKey) -> bool:
        """Take note that an object is no more; return whether it was there.

        That may be told in the middle of a list, of what the list has shown.
        """
        if self._seen is not None:
            self._seen.discard(identity)
        self.missing.pop(identity, None)
        if identity not in self.keys:
            return False
        self.keys.discard(identity)
        return True

    def miss(self, identities: Iterable[ObjectKey], until: float) -> None:
        """Hold objects that were told to be gone until that may be believed."""
        for identity in identities:
            self.keys.add(identity)
            self.missing.setdefault(identity, until)

    def retain(self, identities: Iterable[ObjectKey]) -> None:
        """Hold objects that go with their kind, until a list lacks them."""
        self.keys.update(identities)

    def let_go(self) -> set[ObjectKey]:
        """Take note that the kind is not there, for good; return what it held."""
        keys, self.keys = self.keys, set()
        self.is_known = False
        self.missing.clear()
        self.standing, self.reason, self.hint = Standing.ABSENT, "", ""
        return keys

    def missing_by(self, now: float) -> set[ObjectKey]:
        """Return what was told to be gone for long enough."""
        return {identity for identity, until in self.missing.items() if until <= now}

    def end(self) -> None:
        """Take note that the kind goes: what was told to be gone goes with it, by no word."""
        self.is_unanswered = False
        self.missing.clear()
        self.standing, self.reason, self.hint = Standing.GOING, _GOING, _INSTALL

    def complete(self) -> set[ObjectKey]:
        """Take note that a list is whole; return what is there no more."""
        seen, self._seen = self._seen or set(), None
        gone = self.keys - seen
        self.keys, self.is_known = seen, False
        self._recover()
        return gone

    def _miss(self) -> None:
        """Take note that the server does not have the kind."""
        self._seen = None
        self.is_unanswered = False
        self.missing.clear()
        was_read = self.is_listed and self.standing is not Standing.ABSENT
        if was_read or (self._is_optional and self.is_known):
            self.standing, self.reason, self.hint = Standing.GONE, _GONE, _INSTALL
        elif self._is_optional:
            self.standing, self.reason, self.hint = Standing.ABSENT, "", ""
        else:
            self.reason, self.hint = _STRANGE, "see where its kubeconfig's server leads"

    def _fail(self, error: ApiError) -> None:
        """Take note that there is no answer, or a refusal."""
        self._seen = None
        if self.is_going:
            return
        self.is_unanswered = is_of_server(error)
        self.reason, self.hint = tell_failure(error)
        if self.standing in (Standing.READ, Standing.SILENT, Standing.GONE):
            self.standing = Standing.SILENT
        elif self.reason == _DENIED:
            self.standing = Standing.DENIED
        elif self.standing is Standing.ABSENT:
            self.reason = self.hint = ""  # it was not served a moment ago, and it is asked again
            self.is_unanswered = False

    def _recover(self) -> None:
        self.standing, self.reason, self.hint = Standing.READ, "", ""
        self.is_unanswered = False


class Parts:
    """All that is followed of one server."""

    def __init__(self, scopes: Iterable[Scope], known: Container[str] = ()) -> None:
        self._parts: dict[Scope, Part] = {}
        self._known = known
        """The kinds of which a former run has read objects."""
        for scope in scopes:
            self.add(scope)

    @property
    def scopes(self) -> frozenset[Scope]:
        """What is followed."""
        return frozenset(self._parts)

    def find(self, scope: Scope) -> Part | None:
        """Return a part; None: it is not followed."""
        return self._parts.get(scope)

    def add(self, scope: Scope) -> None:
        """Follow one more."""
        part = Part(
            is_optional=scope.resource not in _ALWAYS_SERVED,
            is_known=scope.resource.kind in self._known,
        )
        self._parts.setdefault(scope, part)

    def drop(self, scope: Scope) -> set[ObjectKey]:
        """Follow one no more; return what it held and no other does."""
        keys = self._parts.pop(scope).keys
        for other in self._of(scope.resource):
            keys = keys - other.keys
        return keys

    def keys(self, resource: Resource) -> Iterator[ObjectKey]:
        """Yield all objects of a kind."""
        for part in self._of(resource):
            yield from part.keys

    def hold(self, resource: Resource, identity: ObjectKey) -> bool:
        """Whether an object is in any of them."""
        return any(part.holds(identity) for part in self._of(resource))

    def items(self) -> Iterable[tuple[Scope, Part]]:
        """Return all parts by what is followed."""
        return self._parts.items()

    def _of(self, resource: Resource) -> Iterator[Part]:
        return (part for scope, part in self._parts.items() if scope.resource == resource)

    def are_settled(self, resources: Iterable[Resource] | None = None) -> bool:
        """Whether it is known of all, or of some kinds, what there is, as far as it can be."""
        wanted = None if resources is None else frozenset(resources)
        return all(
            part.is_settled
            for scope, part in self._parts.items()
            if wanted is None or scope.resource in wanted
        )

    @property
    def are_silent(self) -> bool:
        """Whether any was read, and is not now."""
        return any(part.is_silent for part in self._parts.values())

    @property
    def are_stale(self) -> bool:
        """Whether any of those is silent by which names and VIPs are known."""
        return any(
            part.is_silent for scope, part in self._parts.items() if scope.resource not in DETAILS
        )

    @property
    def denied(self) -> frozenset[str]:
        """The kinds, but for details, of which nobody knows what there is."""
        return frozenset(
            scope.resource.kind
            for scope, part in self._parts.items()
            if part.standing is Standing.DENIED and scope.resource not in DETAILS
        )

    @property
    def are_denied(self) -> bool:
        """Whether nothing that is served may be read."""
        standings = {part.standing for part in self._parts.values()}
        return Standing.DENIED in standings and standings <= _UNSERVED | {Standing.DENIED}

    @property
    def reason(self) -> str:
        """What is wrong with them, for people; empty: nothing is, as far as is known by now.

        A server that does not answer is no matter of kinds: they are not named, so that the reason
        stays the same while one after the other goes without an answer. Refusals are told once each
        kind has had its answer.
        """
        if unanswered := [part.reason for part in self._parts.values() if part.is_unanswered]:
            return _commonest(unanswered)
        wrong = {str(scope.resource): p.reason for scope, p in self._parts.items() if p.reason}
        is_early = not self.are_silent and not self.are_settled()
        if not wrong or (is_early and {*wrong.values()} == {_DENIED}):
            return ""
        if self.are_denied:
            return _ALL_DENIED
        reason = _commonest(wrong.values())
        return f"{_name_kinds(kind for kind, why in wrong.items() if why == reason)}: {reason}"

    def findings(self, cluster: str) -> Iterator[Finding]:
        """Yield why kinds are not read, those with one reason together.

        It is no error where every name is known all the same.
        """
        together: dict[tuple[str, str], list[Resource]] = {}
        are_denied = self.are_denied
        for scope, part in self._parts.items():
            if part.reason and not (are_denied and part.standing is Standing.GONE):
                together.setdefault((part.reason, part.hint), []).append(scope.resource)
        for (reason, hint), kinds in together.items():
            is_all = len(together) == 1 and are_denied
            yield Finding(
                Severity.WARNING if DETAILS.issuperset(kinds) else Severity.ERROR,
                "unreadable",
                _ALL_DENIED if is_all else reason,
                object="" if is_all else _name_kinds(map(str, kinds)),
                hint=_mend(hint, kinds),
                cluster=cluster,
            )


def _mend(hint: str, kinds: Iterable[Resource]) -> str:
    """Return a remedy with what to do where that a kind is away is meant."""
    ours = _name_kinds(str(kind) for kind in kinds if kind in DEFINED)
    return f"{hint}, {_REMOVED}{ours.replace(' ', '')}" if ours and hint == _INSTALL else hint


def _commonest(reasons: Iterable[str]) -> str:
    counted = Counter(reasons)
    return min(counted, key=lambda one: (-counted[one], one))


def _name_kinds(kinds: Iterable[str]) -> str:
    """Return kinds for people: the one first that all else waits for."""
    return ", ".join(sorted(set(kinds), key=lambda kind: (kind != str(VIP_LEDGERS), kind)))
