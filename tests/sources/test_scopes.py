"""What is asked for of a cluster, and what is left out."""

from __future__ import annotations

from globaldns.kube.resources import GLOBAL_SERVICES
from globaldns.sources.scopes import EVERYWHERE
from tests.app.meshes import until
from tests.kube.fake import FakeApiServer
from tests.sources.reading import DEFINED, reading
from tests.sources.served import entry, made


def test_global_services_of_which_nobody_has_written_anything_are_not_asked_for() -> None:
    labels = {scope.resource: scope.labels for scope in EVERYWHERE}
    assert labels.pop(GLOBAL_SERVICES) == "globaldns.io/blank!=true"
    assert {*labels.values()} == {""}


async def test_what_a_person_wrote_into_our_blank_object_counts_once_it_is_shown() -> None:
    blank = made("GlobalService", "a", spec={"pins": ["240.0.0.7"]})
    blank["metadata"]["labels"] = {"globaldns.io/blank": "true"}
    async with FakeApiServer(*DEFINED.values()) as server:
        server.put(entry("b"))
        server.put(blank)
        async with reading(server, "b.ns") as one:
            assert one.told.policies == ()
            del blank["metadata"]["labels"]
            server.put(blank)
            await until(lambda: [policy.host for policy in one.told.policies] == ["a.ns"])
