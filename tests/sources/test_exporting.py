"""Which namespaces export anything."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.export import Export
from globaldns.model.host import Host
from globaldns.model.view import Put, Remove, SetGateways
from globaldns.sources.exporting import Exporting
from tests.registry.mesh import export

edits = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["", "n1", "n2", "n3"])), max_size=20
)
"""A host, and the namespace of the object that exports it from now on; none: nothing does."""


def of(host: str, namespace: str) -> Export:
    found = export(f"{host}.ns")
    origin = type(found.origin)("ServiceEntry", namespace, host)
    return Export(found.cluster, found.host, found.kind, origin)


def after(known: Iterable[Export], edits: list[tuple[str, str]]) -> Exporting:
    found = Exporting()
    found.begin(known)
    found.note(
        Put(of(host, namespace)) if namespace else Remove("east", Host(f"{host}.ns"))
        for host, namespace in edits
    )
    return found


@given(begun=edits, edits=edits)
def test_a_namespace_exports_as_long_as_any_host_is_its(
    begun: list[tuple[str, str]], edits: list[tuple[str, str]]
) -> None:
    first = {host: namespace for host, namespace in begun if namespace}
    last = first | dict(edits)
    found = after((of(host, namespace) for host, namespace in first.items()), edits)
    assert set(found.namespaces) == {namespace for namespace in last.values() if namespace}


def test_to_begin_again_forgets_what_was() -> None:
    found = after([of("a", "n1")], [("b", "n2")])
    found.begin([of("c", "n3")])
    assert set(found.namespaces) == {"n3"}


def test_other_changes_are_passed_over() -> None:
    found = after([of("a", "n1")], [])
    found.note([SetGateways("east", ())])
    assert set(found.namespaces) == {"n1"}
