"""Where answers come from."""

import json
import shutil
import socket

import msgspec
import pytest

from globaldns.admin.reports import ClusterList, ClusterReport, ServicePage, VipPage
from globaldns.cli.invocation import NONE, Invocation
from globaldns.cli.offline import OfflineReader
from globaldns.cli.reader import (
    PAGE,
    Change,
    RemoteReader,
    admin_url,
    open_reader,
)
from globaldns.cli.remote import Server


@pytest.fixture
def offline(mesh):
    return OfflineReader(Invocation(config=mesh.config).load_config(), 1_800_000_000)


def test_the_files_are_read_where_no_server_runs(command):
    printed = command("list")
    assert printed.exit_code == 0
    assert printed.stderr.endswith(": no server runs\n")


def test_the_configured_server_is_asked_if_it_runs(command, own_api, offline):
    services = tuple(offline.services("*"))[:1]
    own_api.put(f"/api/v1/services?host=%2A&cluster=&limit={PAGE}", ServicePage(items=services))
    printed = command("list", "-o", "json")
    assert printed.stderr == f"asking the server at {own_api.url}\n"
    assert len(json.loads(printed.stdout)["services"]) == 1


def test_a_server_of_another_configuration_is_not_asked(command, own_api, tmp_path):
    own_api.put_config(tmp_path / "other.yaml")
    printed = command("list")
    assert "reviews.bookinfo.global" in printed.stdout
    assert f"has {tmp_path / 'other.yaml'}" in printed.stderr


def test_something_else_at_that_address_is_not_asked(command, own_api):
    own_api.put("/api/v1/config", b"<html>")
    printed = command("list")
    assert "reviews.bookinfo.global" in printed.stdout
    assert "is no answer of globaldns" in printed.stderr


def test_a_server_that_says_nothing_is_told_from_none(command, mesh):
    with socket.create_server(("127.0.0.1", mesh.admin_port)):
        printed = command("list")
    assert printed.exit_code == 0
    assert "does not answer: timed out" in printed.stderr


def test_nobody_is_asked_where_the_files_are_wanted(command, own_api):
    assert command("list", "--server", NONE).exit_code == 0
    assert own_api.asked == []


def test_a_server_that_is_named_is_asked_without_a_configuration(run, api):
    api.put(f"/api/v1/services?host=%2A&cluster=&limit={PAGE}", ServicePage(items=()))
    printed = run("list", "--server", api.url, "--config", "/nowhere")
    assert printed.exit_code == 0
    assert printed.stderr == f"asking {api.url}\nno services found\n"


def test_a_server_that_is_named_and_does_not_answer_is_an_error(command, mesh):
    printed = command("list", "--server", f"http://127.0.0.1:{mesh.admin_port}")
    assert printed.exit_code == 1
    assert "does not answer" in printed.stderr


def test_all_pages_of_services_are_read(api, offline):
    first, second, *_ = offline.services("*")
    target = f"/api/v1/services?host=%2A&cluster=east&limit={PAGE}"
    api.put(target, ServicePage(items=(first,), next=first.host))
    api.put(f"{target}&continue=%2A.tenants", ServicePage(items=(second,)))
    reader = RemoteReader(Server(api.url))
    assert list(reader.services("*", cluster="east")) == [first, second]


def test_all_pages_of_vips_are_read(api, offline):
    page = offline.vips("*")
    target = f"/api/v1/vips?host=%2A&limit={PAGE}"
    api.put(target, VipPage(pools=page.pools, items=page.items[:1], next=page.items[0].vip))
    rest = VipPage(pools=page.pools, items=page.items[1:])
    api.put(f"{target}&continue={page.items[0].vip}", rest)
    assert RemoteReader(Server(api.url)).vips("*") == page


def test_what_is_asked_for_stays_one_segment_of_the_path(api, offline):
    api.put("/api/v1/explain/..%2Fvips%3Fx", offline.explain("reviews.bookinfo"))
    assert RemoteReader(Server(api.url)).explain("../vips?x").host == "reviews.bookinfo"


def test_changes_are_those_of_services(api, offline):
    service = next(offline.services("*"))
    events = [
        {"event": "cluster", "cluster": {}},
        {"event": "service", "service": json.loads(msgspec.json.encode(service))},
        {"event": "vip", "host": "a.b", "old": [], "new": [], "reason": ""},
        {"event": "service-removed", "host": "a.b"},
    ]
    api.put(
        "/api/v1/events", b"".join(b"data: %s\n\n" % msgspec.json.encode(event) for event in events)
    )
    assert list(RemoteReader(Server(api.url)).changes()) == [
        Change("service", service),
        Change("service-removed", host="a.b"),
    ]


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:8053", "http://127.0.0.1:8053"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://[::1]:80"),
        ("10.0.0.7:80", "http://10.0.0.7:80"),
    ],
)
def test_a_wildcard_is_reached_over_the_loopback_address(listen, url):
    assert admin_url(listen) == url


@pytest.mark.parametrize("zones", [["global", "mesh"], [{"name": "global"}, {"name": "mesh"}]])
def test_zones_are_read_in_their_short_and_long_form(api, tmp_path, zones):
    api.put_config(tmp_path, zones=zones, dns={"listen": ["0.0.0.0:5300"]})
    served = RemoteReader(Server(api.url)).served()
    assert served.zones == ("global", "mesh")
    assert (served.host, served.port) == ("127.0.0.1", 5300)


@pytest.mark.usefixtures("own_api")
def test_the_default_is_to_ask_first(mesh, capsys):
    assert isinstance(open_reader(Invocation(config=mesh.config)), RemoteReader)
    assert isinstance(open_reader(Invocation(config=mesh.config, server=NONE)), OfflineReader)
    assert capsys.readouterr().out == ""


def test_what_was_never_read_is_said_below_a_list(command, own_api, mesh):
    waiting = ClusterReport(
        cluster="stage",
        own=False,
        source="",
        state="waiting",
        reason="",
        contact=None,
        fenced=False,
        network="",
        exports=0,
        gateways=(),
    )
    own_api.put("/api/v1/clusters", ClusterList(items=(waiting,)))
    own_api.put(f"/api/v1/services?host=%2A&cluster=&limit={PAGE}", ServicePage(items=()))
    assert "not read as a whole: stage; globaldns check says why" in command("list").stderr
    shutil.rmtree(mesh.folder / "example/west")
    offline = command("list", "--server", "none")
    assert "not read as a whole: west; globaldns check says why" in offline.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("vip", "export"),
        ("vip", "verify"),
        ("vip", "plan"),
        ("vip", "renumber", "reviews.bookinfo"),
        ("vip", "import", "-"),
    ],
)
def test_a_ledger_that_is_not_the_server_s_is_left_alone(command, own_api, mesh, arguments):
    own_api.put_config(mesh.config, state="/srv/elsewhere/east")
    printed = command(*arguments)
    assert printed.exit_code == 1
    assert f"keeps its ledger in /srv/elsewhere/east, not in {mesh.state}" in printed.stderr
    assert "hint: set STATE_DIRECTORY=/srv/elsewhere" in printed.stderr
    assert not mesh.state.exists()
