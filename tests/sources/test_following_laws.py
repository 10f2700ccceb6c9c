"""A cluster is the same thing whether its objects come from an API server or from a directory.

Whatever the order in which an API server tells of some objects, with lists that break off, objects
that come and go between, and watches that begin anew: in the end the view is that of a directory
with the same objects, which was read once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from globaldns.errors import ApiError
from globaldns.kube.watch import Begun, Failed, Found, Listed, Notice, Opened, Put, Removed, Scope
from globaldns.model.view import Change, View
from globaldns.sources.directory import DirectorySource
from tests.sources.manifests import GRACE, RULES, at
from tests.sources.served import (
    EXPORTED,
    Object,
    Telling,
    comparable,
    endpoint_slice,
    entry,
    gateway,
    identity,
    line,
    made,
    pod,
    raw,
    service,
    vip_ledger,
)

NAMESPACES = ("n1", "n2")
EVEN, RARELY = 0.5, 0.1
BROKEN = Failed(ApiError("reset"))


def choices() -> list[list[Object]]:
    """Return every object that there may be, each in the versions that it may have."""
    found: list[list[Object]] = [
        [gateway(), gateway("203.0.113.10")],
        [vip_ledger("own-001", line("a.n1", 3)), vip_ledger("own-001", line("b.n1", 4))],
        [vip_ledger("own-002", line("a.n2", 5)), vip_ledger("own-002", role="deputy")],
        [made("GlobalService", "a", "n1", spec={"pins": ["240.0.0.7"]})],
        [made("ClusterFence", "f", spec={"cluster": "west", "at": "2026-01-02T03:04:05Z"})],
        [made("Node", "node", spec={"podCIDR": "10.1.0.0/16"})],
        [
            made(
                "Namespace", "istio-system", metadata={"labels": {"topology.istio.io/network": "n"}}
            )
        ],
        [entry("e", "istio-system", host="a.n1.global")],
    ]
    for namespace in NAMESPACES:
        labels = EXPORTED["annotations"]
        found += [
            [service("a", namespace), service("a", namespace, exported=False)],
            [service("b", namespace, exported=False)],
            [made("ServiceExport", "b", namespace)],
            [made("Namespace", namespace, metadata={"labels": labels})],
            [endpoint_slice("a", namespace), endpoint_slice("a", namespace, ip="10.1.1.2")],
            [endpoint_slice("b", namespace, pod="q")],
            [pod("p", namespace), pod("p", namespace, account="other")],
            [entry("b", namespace), entry("b", namespace, port=81)],
        ]
    return found


CHOICES = choices()
some_objects = st.tuples(*(st.sampled_from([None, *versions]) for versions in CHOICES)).map(
    lambda found: [one for one in found if one is not None]
)


def of_directory(objects: list[Object]) -> View:
    with TemporaryDirectory() as place:
        root = Path(place) / "east"
        root.mkdir()
        (root / "empty.yaml").touch()
        for number, item in enumerate([made("Namespace", "default"), *objects]):
            (root / f"{number}.json").write_text(json.dumps(item))
        source = DirectorySource(root, RULES, grace=GRACE)
        source.read_once(at(0))
        return source.view()


class Server(Telling):
    """Tells of its objects in an order that chance makes."""

    def __init__(self, chance: Random, before: list[Object], after: list[Object]) -> None:
        super().__init__(*before)
        self._chance = chance
        self.edits: list[Object] = [one for one in after if self.objects.get(identity(one)) != one]
        there = {identity(one) for one in after}
        self.ends = [one for one in before if identity(one) not in there]
        self.listing: dict[Scope, list[Object]] = {}

    def run(self) -> None:
        """Tell until everything is told."""
        while True:
            waiting = sorted(self.following.scopes - self.listed - self.listing.keys(), key=str)
            under_way = sorted(self.listing.keys() & self.following.scopes, key=str)
            steps = [
                *((self._begin, scope) for scope in waiting),
                *((self._go_on, scope) for scope in under_way),
                *((self._edit, None) for _ in (self.edits or self.ends)[:1]),
            ]
            if not steps:
                self.believe()
                self.drain()
                if self.following.scopes <= self.listed:
                    return
                continue
            step, scope = self._chance.choice(steps)
            step(scope)  # type: ignore[operator]
            if self._chance.random() < EVEN:
                self.drain()

    def tell(self, scope: Scope, *notices: Notice) -> None:
        for notice in notices:
            super().tell(scope, notice)
            self._end_lists()

    def drain(self) -> Sequence[Change]:
        changes = super().drain()
        self._end_lists()
        return changes

    def _end_lists(self) -> None:
        """Tell no more of what is not followed any more; where it is again, it is listed anew."""
        for scope in self.listing.keys() - self.following.scopes:
            del self.listing[scope]

    def _begin(self, scope: Scope) -> None:
        self.listing[scope] = list(self.within(scope))
        self.tell(scope, Begun())

    def _go_on(self, scope: Scope) -> None:
        rest = self.listing[scope]
        if self._chance.random() < RARELY:
            self.tell(scope, BROKEN)
            self.listing.pop(scope, None)
        elif rest:
            self.tell(scope, Found(raw(rest.pop())))
        else:
            self.listed.add(scope)
            del self.listing[scope]
            self.tell(scope, Listed())

    def _edit(self, _scope: None) -> None:
        """Change an object; a list that is under way ends with what it began with, then is told."""
        is_removed = not self.edits or (self.ends and self._chance.random() < EVEN)
        item = (self.ends if is_removed else self.edits).pop()
        if is_removed:
            del self.objects[identity(item)]
        else:
            self.objects[identity(item)] = item
        for scope in sorted(self.following.scopes, key=str):
            if scope.resource.kind != item["kind"]:
                continue
            if scope.namespace not in {"", item["metadata"].get("namespace", "")}:
                continue
            notice = Removed(raw(item)) if is_removed else Put(raw(item))
            if scope in self.listed:
                self.tell(scope, BROKEN, Opened()) if self._chance.random() < EVEN else None
                self.tell(scope, notice)
            elif scope in self.listing:  # as a streamed list has it
                self.listing[scope] = [
                    one for one in self.listing[scope] if identity(one) != identity(item)
                ]
                self.tell(scope, notice if is_removed else Found(raw(item)))


@given(chance=st.randoms(use_true_random=True), before=some_objects, after=some_objects)
@profile(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_order_of_an_api_servers_words_comes_to_what_a_directory_says(
    chance: Random, before: list[Object], after: list[Object]
) -> None:
    server = Server(chance, before, after)
    server.run()
    ours, theirs = comparable(server.view), comparable(of_directory(after))
    assert set(ours.ranges) == set(theirs.ranges)
    assert ours == theirs


@given(objects=some_objects)
@profile(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_a_run_remembers_is_what_the_next_one_says(objects: list[Object]) -> None:
    first = Telling(*objects)
    first.list_all()
    second = Telling(*objects, remembered=first.view)
    second.list_all()
    assert comparable(second.view) == comparable(first.view)
    assert second.wait(GRACE)[:-1] == []
