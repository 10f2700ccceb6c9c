"""Which hosts would move, and moving them."""

import json

import pytest

from globaldns.admin.reports import MoveReport
from globaldns.app import wishing
from globaldns.cli.invocation import Invocation
from globaldns.cli.renumbering import PlannedReport, find_host, to_planned_row
from globaldns.errors import RequestRefused

OTHER_POOL = {"pools": ["240.64.0.0/16"]}


@pytest.mark.usefixtures("remembered")
def test_nothing_moves_while_nothing_has_changed(command):
    printed = command("vip", "plan")
    assert (printed.exit_code, printed.stdout) == (0, "")
    assert printed.stderr == "nothing would move\n"


def test_a_new_pool_moves_what_is_outside_it_and_the_plan_shows_where_to(command, remembered):
    remembered.configure(vips=OTHER_POOL)
    lines = [line.split() for line in command("vip", "plan").stdout.splitlines()]
    assert lines[0] == ["HOST", "OLD", "NEW", "WHY"]
    assert [line[0] for line in lines[1:]] == ["httpbin.httpbin", "reviews.bookinfo"]
    assert all(line[2].startswith("240.64.") for line in lines[1:])
    assert {line[3] for line in lines[1:]} == {"outside-pools"}


def test_what_is_done_is_what_was_planned(command, remembered):
    remembered.configure(vips=OTHER_POOL)
    planned = json.loads(command("vip", "plan", "-o", "json").stdout)["moves"]
    hosts = [move["host"] for move in planned]
    moves = json.loads(command("vip", "renumber", *hosts, "-o", "json").stdout)["moves"]
    assert [(m["host"], *m["old"], *m["new"]) for m in moves] == [
        (m["host"], m["old"], m["new"]) for m in planned
    ]
    assert json.loads(command("vip", "plan", "-o", "json").stdout)["moves"] == []


def test_the_other_hosts_pin_that_takes_a_vip_is_named():
    report = PlannedReport("a.x", "240.0.0.1", None, "pin-of-another", "b.x")
    assert to_planned_row(report) == ("a.x", "240.0.0.1", "<none>", "pin-of-another of b.x")
    own = PlannedReport("a.x", "240.0.0.1", "240.0.0.2", "pinned", "a.x")
    assert to_planned_row(own) == ("a.x", "240.0.0.1", "240.0.0.2", "pinned")


@pytest.mark.usefixtures("remembered")
def test_a_host_is_renumbered_without_a_server(command):
    before = json.loads(command("list", "reviews*", "-o", "json").stdout)["services"][0]["vips"]
    printed = command("vip", "renumber", "reviews.bookinfo.global.")
    assert printed.exit_code == 0
    row = printed.stdout.splitlines()[1].split()
    assert row[:2] == ["reviews.bookinfo", *before]
    after = json.loads(command("list", "reviews*", "-o", "json").stdout)["services"][0]["vips"]
    assert after == [row[2]] != before


def test_where_there_is_no_ledger_it_is_said_that_one_is_begun(command):
    said = [command("vip", "renumber", "reviews.bookinfo").stderr for _ in range(2)]
    assert ["there is no ledger yet" in text for text in said] == [True, False]


def test_a_running_server_renumbers_itself(command, control):
    printed = command("vip", "renumber", "reviews.bookinfo.global", "httpbin.httpbin")
    assert control.hosts == ["reviews.bookinfo", "httpbin.httpbin"]
    assert "240.0.0.1   240.0.0.2   renumbered" in printed.stdout
    assert "done by the server" in printed.stderr


@pytest.mark.parametrize("host", ["nobody.here", "productpage.bookinfo"])
@pytest.mark.usefixtures("remembered")
def test_a_host_that_cannot_move_keeps_all_others_in_their_place(command, host):
    before = command("vip", "list").stdout
    printed = command("vip", "renumber", "reviews.bookinfo", host)
    assert printed.exit_code == 1
    assert host in printed.stderr
    assert "hint: " in printed.stderr
    assert command("vip", "list").stdout == before


def test_no_host_is_a_usage_error(command):
    assert command("vip", "renumber").exit_code == 2


def test_a_zone_is_no_host(mesh):
    config = Invocation(config=mesh.config).load_config()
    assert find_host("A.B.global.", config) == "a.b"
    with pytest.raises(RequestRefused, match="'global' is no host"):
        find_host("global", config)


def test_where_the_ledger_is_in_kubernetes_another_number_is_wished(command, mesh, monkeypatch):
    """What writes the wish has tests of its own: here it is said what comes of it."""
    kubernetes = {"kubernetes": {"kubeconfig": "kubeconfig"}}
    mesh.configure(clusters={"east": {"source": kubernetes}}, vips={"ledger": {"kubernetes": {}}})
    asked = []

    def wish(_config, hosts, _now):
        asked.extend(hosts)
        return tuple(MoveReport(host=h, old=("240.0.0.1",), new=(), reason="wished") for h in hosts)

    monkeypatch.setattr(wishing, "wish_other_numbers", wish)
    printed = command("vip", "renumber", "reviews.bookinfo.global")
    assert asked == ["reviews.bookinfo"]
    assert printed.stdout.splitlines()[1].split() == [
        *("reviews.bookinfo", "240.0.0.1", "<none>", "wished"),
    ]
    assert "kubectl -n bookinfo get globalservice reviews -o yaml" in printed.stderr
