"""The mesh as its files say."""

import pytest

from globaldns.cli.invocation import Invocation
from globaldns.cli.offline import OfflineReader
from globaldns.errors import InvalidHost
from globaldns.tasks import wall_clock


def read(mesh):
    return OfflineReader(Invocation(config=mesh.config).load_config(), wall_clock())


def test_nothing_is_created(mesh):
    reader = read(mesh)
    assert list(reader.services("*"))
    assert reader.clusters().items
    assert not mesh.state.exists()


def test_services_come_in_the_order_of_their_hosts(mesh):
    hosts = [service.host for service in read(mesh).services("*")]
    assert len(hosts) == 8
    assert hosts == sorted(hosts)


def test_a_glob_may_have_the_zone(mesh):
    reader = read(mesh)
    assert [s.host for s in reader.services("rev*.global")] == ["reviews.bookinfo"]
    assert [s.host for s in reader.services("rev*")] == ["reviews.bookinfo"]


def test_a_cluster_selects_what_it_exports(mesh):
    hosts = [service.host for service in read(mesh).services("*", cluster="flat")]
    assert hosts == ["httpbin.httpbin", "reviews.bookinfo"]


def test_what_only_a_server_would_remember_is_told_from_what_is(remembered):
    states = {item.host: item.state for item in read(remembered).vips("*").items}
    assert states["ratings.bookinfo"] == "unwritten"
    assert states["reviews.bookinfo"] != "unwritten"


def test_a_claim_that_is_not_written_holds_nothing(remembered):
    reader = read(remembered)
    waiting = reader.explain("ratings.bookinfo").history
    assert {(claim.reason, claim.is_holding) for claim in waiting} == {("unwritten", False)}
    assert any(claim.is_holding for claim in reader.explain("reviews.bookinfo").history)


def test_a_text_that_cannot_be_a_host_is_refused_as_the_server_does(mesh):
    with pytest.raises(InvalidHost):
        read(mesh).explain("a..b")


def test_dns_is_asked_where_the_configuration_says(mesh):
    served = read(mesh).served()
    assert served.zones == ("global",)
    assert (served.host, served.port) == ("127.0.0.1", mesh.dns_port)


def test_a_damaged_ledger_is_an_error(command, remembered):
    (remembered.state / "ledger.db").write_bytes(b"no ledger" * 1000)
    assert command("list").exit_code == 1


def test_whatever_cannot_be_read_hides_no_cluster(command, remembered):
    (remembered.state / "ledger.db").write_bytes(b"no ledger" * 1000)
    remembered.settings["clusters"]["west"] = {"source": {"directory": "nowhere"}}
    remembered.configure()
    listed = command("cluster", "list")
    rows = {line.split()[0]: line for line in listed.stdout.splitlines()[1:]}
    assert rows.keys() == {"east", "flat", "west"}
    assert "synced" in rows["east"]
    assert rows["west"].rstrip().endswith(": no such file or directory")
    assert "ledger.db" in listed.stderr
    assert "error: west: " in listed.stderr
    assert listed.exit_code == 1
    checked = command("check")
    assert checked.exit_code == 3
    assert "[ledger]" in checked.stdout
    assert "[unreadable]" in checked.stdout
    assert "httpbin.yaml:13: warning" in checked.stdout
    assert "2 errors" in checked.stdout.splitlines()[-1]
