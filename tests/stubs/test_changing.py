"""A stub installed in all places of a cluster, and removed."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from globaldns.coredns.editing import Options
from globaldns.coredns.platforms import Platform, detect
from globaldns.coredns.rendering import Build
from globaldns.coredns.targets import Target
from globaldns.errors import ApiRefused, StubError
from globaldns.kube.client import Client
from globaldns.stubs import changing
from globaldns.stubs.changing import ATTEMPTS, install, remove
from globaldns.stubs.objects import DnsObjects
from globaldns.stubs.reading import read_cluster
from globaldns.stubs.shapes import Change, Wish, touched
from tests.coredns.collection import COREFILES, IMPORTING, SERVER, STUB, TWO_POLICIES, stub
from tests.coredns.targets import BASES, COREFILE, CUSTOM, STUB_DOMAINS
from tests.kube.fake import FakeApiServer
from tests.stubs.clusters import cluster
from tests.stubs.platforms import AKS, KUBE_DNS, KUBEADM, NODE_LOCAL, PLATFORMS, config_map

BOTH = {COREFILE: Wish(STUB, owner="east"), STUB_DOMAINS: Wish(STUB, owner="east")}


def here(client: Client) -> DnsObjects:
    return DnsObjects(client, "globaldns", "east")


def ignore(_change: Change) -> None:
    """Show nothing."""


def data(server: FakeApiServer, name: str) -> dict[str, str]:
    found = server.get("configmaps", name, "kube-system")
    assert found is not None
    return dict(found["data"])


async def test_all_places_are_told_and_come_out_as_they_were() -> None:
    async with cluster(*KUBEADM, *KUBE_DNS) as (server, client):
        told: list[Change] = []
        changes = await install(here(client), BOTH, told.append)
        assert told == list(changes)
        assert all(change.is_needed for change in changes)
        assert all(SERVER in str(data(server, name)) for name in ("coredns", "kube-dns"))
        revision = server.revision
        again = await install(here(client), BOTH, told.append)
        assert not any(change.is_needed for change in again)
        assert server.revision == revision
        await remove(here(client), {}, ignore)
        assert data(server, "coredns") == KUBEADM[0]["data"]
        assert data(server, "kube-dns") == KUBE_DNS[0]["data"]
        assert server.get("configmaps", "globaldns-stub", "globaldns") is None


async def test_what_is_about_to_be_written_is_remembered_first() -> None:
    async with cluster(*KUBEADM) as (server, client):

        def fail(_change: Change) -> None:
            server.fail(500, verb="patch")

        with pytest.raises(ApiRefused):
            await install(here(client), {COREFILE: BOTH[COREFILE]}, fail)
        record = (await here(client).read_record()).record
        assert record.places == (COREFILE,)
        assert record.known
        assert list(record.originals.values()) == [KUBEADM[0]["data"]["Corefile"]]


async def test_where_one_may_not_be_written_nothing_is_and_nothing_remembered() -> None:
    async with cluster(*KUBEADM) as (server, client):
        server.deny("create", "configmaps", "kube-system")
        wishes = {COREFILE: BOTH[COREFILE], CUSTOM: Wish(STUB, owner="east", base=BASES[CUSTOM])}
        revision = server.revision
        with pytest.raises(ApiRefused) as refused:
            await install(here(client), wishes, ignore)
        assert refused.value.status == 403
        assert server.revision == revision
        assert (await here(client).read_record()).version == ""


async def test_what_a_corefile_imports_is_not_made_where_that_says_it_all() -> None:
    block = f"global:53 {{\n    errors\n    cache 30\n    forward . {SERVER}\n}}\n"
    async with cluster(*KUBEADM) as (server, client):
        wish = Wish(STUB, base=IMPORTING["k3s"] + block, owner="east")
        revision = server.revision
        (change,) = await install(here(client), {CUSTOM: wish}, ignore)
        assert change.is_theirs
        assert server.revision == revision


async def test_what_cannot_be_tried_is_written() -> None:
    async with cluster(*KUBEADM) as (server, client):
        server.fail(400, verb="patch")
        (change,) = await install(here(client), {COREFILE: BOTH[COREFILE]}, ignore)
        assert change.is_needed
        assert SERVER in data(server, "coredns")["Corefile"]


async def test_a_place_that_is_refused_leaves_all_as_they_are_and_all_refusals_are_said() -> None:
    theirs = config_map("kube-dns", {"stubDomains": "{"})
    broken = config_map("coredns", {"Corefile": "global {\n"})
    async with cluster(*NODE_LOCAL, theirs) as (server, client):
        revision = server.revision
        with pytest.raises(StubError, match="kube-system/kube-dns stubDomains: line 1"):
            await install(here(client), BOTH, ignore)
        assert server.revision == revision
        server.put(broken)
        with pytest.raises(StubError) as refused:
            await install(here(client), BOTH, ignore)
        assert len(str(refused.value).splitlines()) == 2


def meddle(server: FakeApiServer, times: int) -> Callable[[Change], None]:
    """Have somebody else write just before we do, so often."""
    left = list(range(times))

    def tell(_change: Change) -> None:
        if left:
            text = f"{KUBEADM[0]['data']['Corefile']}# {left.pop()}\n"
            server.put(config_map("coredns", {"Corefile": text}))

    return tell


async def test_a_change_that_comes_too_late_is_decided_again_from_what_stands_there() -> None:
    async with cluster(*KUBEADM) as (server, client):
        only = {COREFILE: BOTH[COREFILE]}
        await install(here(client), only, meddle(server, ATTEMPTS - 1))
        text = data(server, "coredns")["Corefile"]
        assert "# 0\n" in text
        assert SERVER in text
        await remove(here(client), {}, meddle(server, 1))
        assert data(server, "coredns")["Corefile"].endswith("# 0\n")


async def test_where_others_write_all_the_time_we_give_up() -> None:
    async with cluster(*KUBEADM) as (server, client):
        only = {COREFILE: BOTH[COREFILE]}
        with pytest.raises(StubError, match=f"{ATTEMPTS} times") as refused:
            await install(here(client), only, meddle(server, ATTEMPTS))
        assert refused.value.code == "busy"
        await install(here(client), only, ignore)
        with pytest.raises(StubError, match=f"{ATTEMPTS} times"):
            await remove(here(client), {}, lengthen(server))


def lengthen(server: FakeApiServer) -> Callable[[Change], None]:
    """Have somebody else write just before we do, always."""

    def tell(change: Change) -> None:
        assert change.before is not None
        text = f"{change.before['data']['Corefile']}# more\n"
        server.put(config_map("coredns", {"Corefile": text}))

    return tell


async def test_other_refusals_are_not_tried_again() -> None:
    async with cluster(*KUBEADM) as (server, client):
        server.deny("patch", "configmaps")
        with pytest.raises(ApiRefused) as refused:
            await install(here(client), {COREFILE: BOTH[COREFILE]}, ignore)
        assert refused.value.status == 403
        assert server.count("patch", "configmaps") == 1


async def test_a_stub_that_changes_takes_the_place_of_the_former_one() -> None:
    async with cluster(*KUBEADM, *KUBE_DNS) as (server, client):
        await install(here(client), BOTH, ignore)
        other = {at: Wish(stub(server="10.96.0.98")) for at in BOTH}
        await install(here(client), other, ignore)
        assert SERVER not in str(data(server, "coredns")) + str(data(server, "kube-dns"))
        await remove(here(client), {}, ignore)
        assert data(server, "kube-dns") == KUBE_DNS[0]["data"]


async def test_the_original_is_that_without_us_where_the_record_was_lost() -> None:
    async with cluster(*KUBEADM) as (server, client):
        only = {COREFILE: BOTH[COREFILE]}
        await install(here(client), only, ignore)
        server.delete("configmaps", "globaldns-stub", "globaldns")
        await install(here(client), only, ignore)
        record = (await here(client).read_record()).record
        assert list(record.originals.values()) == [KUBEADM[0]["data"]["Corefile"]]


async def test_nothing_is_removed_where_nothing_is_installed() -> None:
    async with cluster(*KUBEADM) as (server, client):
        revision = server.revision
        changes = await remove(here(client), {COREFILE: BOTH[COREFILE]}, ignore)
        assert not any(change.is_needed for change in changes)
        assert server.revision == revision


async def test_what_is_gone_already_is_no_failure() -> None:
    async with cluster(*KUBEADM) as (server, client):
        await install(here(client), {COREFILE: BOTH[COREFILE]}, ignore)
        server.delete("configmaps", "coredns", "kube-system")
        (change,) = await changing.remove(here(client), {}, ignore)
        assert not change.is_needed
        assert (await here(client).read_record()).version == ""


PLAIN = f"global:53 {{\n    errors\n    cache 30\n    forward . {SERVER}\n}}\n"


async def test_what_somebody_else_wrote_is_not_remembered_and_not_removed() -> None:
    theirs = {
        "coredns": {"Corefile": KUBEADM[0]["data"]["Corefile"] + PLAIN},
        "kube-dns": {"stubDomains": f'{{"global": ["{SERVER}"]}}'},
    }
    maps = (config_map(name, data) for name, data in theirs.items())
    async with cluster(*NODE_LOCAL, *maps) as (server, client):
        revision = server.revision
        installed = await install(here(client), BOTH, ignore)
        assert all(change.is_theirs for change in installed)
        left = await remove(here(client), BOTH, ignore)
        assert all(change.theirs and not change.is_needed for change in left)
        assert server.revision == revision


async def test_what_we_wrote_in_one_place_does_not_make_the_same_ours_in_another() -> None:
    theirs = {"Corefile": KUBEADM[0]["data"]["Corefile"] + PLAIN}
    other = msgspec.structs.replace(COREFILE, name="nodelocaldns")
    async with cluster(*KUBEADM, config_map("nodelocaldns", theirs)) as (server, client):
        wish = Wish(STUB, owner="east")
        ours, left = await install(here(client), {COREFILE: wish, other: wish}, ignore)
        assert (ours.is_needed, left.is_theirs) == (True, True)
        assert (await here(client).read_record()).record.places == (COREFILE,)
        await remove(here(client), {COREFILE: wish, other: wish}, ignore)
        assert data(server, "nodelocaldns") == theirs
        assert data(server, "coredns") == KUBEADM[0]["data"]


async def test_what_was_adopted_is_remembered_and_goes() -> None:
    theirs = {"stubDomains": f'{{"a": ["10.1.1.1"], "global": ["{SERVER}"]}}'}
    async with cluster(*KUBE_DNS[1:], config_map("kube-dns", theirs)) as (server, client):
        wish = Wish(STUB, owner="east", adopt=True)
        (change,) = await install(here(client), {STUB_DOMAINS: wish}, ignore)
        assert not change.is_needed
        assert not change.theirs
        await remove(here(client), {}, ignore)
        assert data(server, "kube-dns") == {"stubDomains": '{"a": ["10.1.1.1"]}'}


async def test_an_adopted_key_goes_and_what_it_had_is_kept() -> None:
    old = f"global:53 {{\n    errors\n    cache 30\n    forward . {SERVER}\n}}\n"
    maps = config_map("coredns-custom", {"istio.server": old, "log.override": "log\n"})
    async with cluster(*AKS, maps) as (server, client):
        wish = Wish(STUB, base=IMPORTING["aks"], owner="east")
        (left,) = await install(here(client), {CUSTOM: wish}, ignore)
        assert left.is_theirs
        wish = msgspec.structs.replace(wish, adopt=True)
        (change,) = await install(here(client), {CUSTOM: wish}, ignore)
        assert not change.theirs
        assert list(data(server, "coredns-custom")) == ["log.override", "globaldns.server"]
        originals = (await here(client).read_record()).record.originals
        name = "original.configmaps.kube-system.coredns-custom"
        assert originals == {f"{name}.globaldns.server": "", f"{name}.istio.server": old}
        assert [str(place) for place in touched(change)] == [
            f"configmaps kube-system/coredns-custom {key}"
            for key in ("globaldns.server", "istio.server")
        ]
        await remove(here(client), {}, ignore)
        assert data(server, "coredns-custom") == {"log.override": "log\n"}


async def test_what_is_suspended_is_left_by_servers_until_a_person_installs_it() -> None:
    only = {COREFILE: BOTH[COREFILE]}
    release = config_map("globaldns", {"globaldns.yaml": ""}, namespace="globaldns")
    async with cluster(*KUBEADM, release) as (server, client):
        await install(here(client), only, ignore)
        told: list[object] = []

        def note(_change: Change) -> None:
            record = server.get("configmaps", "globaldns-stub", "globaldns")
            told.append(record and record["data"]["state"])

        await remove(here(client), {}, note, suspend=True)
        assert data(server, "coredns") == KUBEADM[0]["data"]
        assert ['"suspended":true' in str(state) for state in told] == [True]
        record = server.get("configmaps", "globaldns-stub", "globaldns")
        owner = server.get("configmaps", "globaldns", "globaldns")
        assert record is not None
        assert owner is not None
        assert list(record["data"]) == ["state"]
        (reference,) = record["metadata"]["ownerReferences"]
        assert (reference["name"], reference["uid"]) == ("globaldns", owner["metadata"]["uid"])
        revision = server.revision
        with pytest.raises(StubError, match="remove --suspend") as refused:
            await install(here(client), only, ignore, resume=False)
        assert refused.value.code == "suspended"
        await remove(here(client), {}, ignore, suspend=True)
        assert server.revision == revision
        await install(here(client), only, ignore)
        assert not (await here(client).read_record()).record.suspended
        record = server.get("configmaps", "globaldns-stub", "globaldns")
        assert record is not None
        assert "ownerReferences" not in record["metadata"]
        await install(here(client), only, ignore, resume=False)


@pytest.mark.parametrize("is_wished", [True, False], ids=["told by others", "nothing to tell"])
async def test_what_is_suspended_is_kept_again_where_nothing_is_written(is_wished: bool) -> None:  # noqa: FBT001
    theirs = {"Corefile": KUBEADM[0]["data"]["Corefile"] + PLAIN}
    wishes = {COREFILE: BOTH[COREFILE]} if is_wished else {}
    async with cluster(*KUBEADM[1:], config_map("coredns", theirs)) as (server, client):
        await remove(here(client), wishes, ignore, suspend=True)
        dry = DnsObjects(client, "globaldns", "east", dry_run=True)
        await install(dry, wishes, ignore)
        assert (await here(client).read_record()).record.suspended
        assert not any(one.is_needed for one in await install(here(client), wishes, ignore))
        assert server.get("configmaps", "globaldns-stub", "globaldns") is None
        await install(here(client), wishes, ignore, resume=False)
        assert data(server, "coredns") == theirs


@pytest.mark.parametrize("name", ["node-local", "kubespray"])
async def test_names_of_others_are_not_asked_elsewhere_by_the_caches_of_nodes(name: str) -> None:
    async with cluster(*PLATFORMS[name]) as (server, client):
        detections = detect((await read_cluster(client)).facts)
        revision = server.revision
        builds = {Platform.COREDNS: Build(version=(1, 12))}
        wishes = {
            one.place: Wish(
                TWO_POLICIES,
                Options(build=builds.get(one.platform, one.build)),
                COREFILES["kubeadm"],
                "east",
            )
            for one in detections
            if isinstance(one.place, Target)
        }
        assert len(wishes) == 2
        with pytest.raises(StubError) as refused:
            await install(here(client), wishes, ignore)
        assert str(refused.value).count("configmaps ") == 1
        assert "mesh.example" in str(refused.value)
        assert refused.value.hint == "choose namespaces in place of foreign: fallthrough"
        assert server.revision == revision
        chosen = stub(namespaces=("shop",))
        wishes = {place: Wish(chosen, base=wish.base) for place, wish in wishes.items()}
        assert all(one.is_needed for one in await install(here(client), wishes, ignore))


async def test_nothing_is_suspended_where_it_is_only_tried() -> None:
    async with cluster(*KUBEADM) as (server, client):
        await install(here(client), {COREFILE: BOTH[COREFILE]}, ignore)
        revision = server.revision
        dry = DnsObjects(client, "globaldns", "east", dry_run=True)
        (change,) = await remove(dry, {}, ignore, suspend=True)
        assert change.is_needed
        assert server.revision == revision


async def test_it_is_suspended_where_there_is_no_chart_and_nothing_was_told() -> None:
    async with cluster(*KUBEADM) as (server, client):
        await remove(here(client), {COREFILE: BOTH[COREFILE]}, ignore, suspend=True)
        assert (await here(client).read_record()).record == changing.SUSPENDED
        assert data(server, "coredns") == KUBEADM[0]["data"]


async def test_others_that_write_the_record_all_the_time_end_it() -> None:
    async with cluster(*KUBEADM) as (server, client):
        server.fail(409, verb="create", resource="configmaps", times=ATTEMPTS)
        with pytest.raises(StubError, match=f"{ATTEMPTS} times"):
            await remove(here(client), {}, ignore, suspend=True)
