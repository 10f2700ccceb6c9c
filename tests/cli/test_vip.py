"""Who has which VIP, now and before."""

import json

import pytest

from globaldns.admin.reports import PoolReport
from globaldns.cli.vip import to_pool_row

NEVER = """\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: never, namespace: bookinfo}
spec: {hosts: [never.bookinfo.global], resolution: NONE}
"""


@pytest.fixture
def moved(command, remembered):
    """The example after reviews has moved once more."""
    assert command("vip", "renumber", "reviews.bookinfo").exit_code == 0
    return remembered


def vips_of(command, host):
    """VIPs of a host, the one that it has first."""
    items = json.loads(command("vip", "list", host, "-o", "json").stdout)["vips"]
    return [item["vip"] for item in sorted(items, key=lambda item: item["state"])]


@pytest.mark.usefixtures("remembered")
def test_vips_are_listed_with_the_pools(command):
    vips, _, pools = command("vip", "list").stdout.partition("\n\n")
    assert vips.splitlines()[0].split() == ["VIP", "HOST", "STATE", "KIND", "CLUSTERS", "SINCE"]
    assert any("reviews.bookinfo" in line and " held " in line for line in vips.splitlines())
    assert pools.splitlines()[0].split() == ["POOL", "HELD", "RESTING", "FREE", "USED"]
    assert pools.splitlines()[1].startswith("240.128.0.0/10 ")


@pytest.mark.parametrize("glob", ["mysqldb*", "mysqldb.bookinfo.global", "240.0.0.33"])
def test_a_glob_or_a_vip_narrows_it(command, glob):
    rows = command("vip", "list", glob).stdout.partition("\n\n")[0].splitlines()[1:]
    assert [row.split()[:2] for row in rows] == [["240.0.0.33", "mysqldb.bookinfo"]]


def test_none_found_is_said_and_the_pools_are_shown(command):
    printed = command("vip", "list", "nobody*")
    assert printed.stderr.endswith("no VIPs found\n")
    assert printed.stdout.startswith("POOL ")


@pytest.mark.usefixtures("moved")
def test_the_old_vip_of_a_host_rests(command):
    rows = command("vip", "list", "reviews.bookinfo").stdout.partition("\n\n")[0].splitlines()
    assert sorted(row.split()[2] for row in rows[1:]) == ["held", "resting", "resting"]


@pytest.mark.usefixtures("moved")
def test_a_host_shows_every_vip_that_it_has_or_had_last(command):
    shown = command("vip", "show", "reviews.bookinfo.global").stdout
    parts = [part.split()[0] for part in shown.split("\n\n") if "  state" in part]
    assert sorted(parts) == sorted(vips_of(command, "reviews.bookinfo"))
    assert len(parts) == 3


@pytest.mark.usefixtures("remembered")
def test_the_claim_by_which_a_host_has_a_vip_says_so(command):
    held, _ = vips_of(command, "reviews.bookinfo")
    lines = command("vip", "show", held).stdout.splitlines()
    assert any(line.endswith(" holds it") for line in lines)


@pytest.mark.usefixtures("moved")
def test_a_vip_shows_itself_only(command):
    vip = vips_of(command, "reviews.bookinfo")[1]
    lines = command("vip", "show", vip).stdout.splitlines()
    assert lines[0] == vip
    assert lines[1].split()[:2] == ["state", "resting,"]
    assert lines[2].split() == ["host", "reviews.bookinfo"]
    assert {line.split()[0] for line in lines[7:]} == {vip}


@pytest.mark.usefixtures("moved")
def test_programs_get_the_report_of_a_vip(command):
    (report,) = json.loads(command("vip", "show", "240.0.0.33", "-o", "json").stdout)["vips"]
    assert report["host"] == "mysqldb.bookinfo"
    assert report["claims"][0]["kind"] == "pinned"


@pytest.mark.usefixtures("moved")
def test_the_history_of_a_host_has_all_claims_newest_first(command):
    claims = json.loads(command("vip", "history", "reviews.bookinfo", "-o", "json").stdout)[
        "claims"
    ]
    assert len({claim["vip"] for claim in claims}) == 3
    assert sum(claim["is_holding"] for claim in claims) == 1
    dates = [claim["allocated_at"] for claim in claims]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.usefixtures("moved")
def test_the_history_of_a_vip_has_its_own_claims_only(command):
    vip = vips_of(command, "reviews.bookinfo")[0]
    rows = command("vip", "history", vip).stdout.splitlines()[1:]
    assert {row.split()[0] for row in rows} == {vip}
    assert len(rows) == 3


def test_a_wildcard_host_shows_none_of_the_hosts_that_it_covers(command):
    line = "old.tenants 240.128.7.7 2026-01-02T03:04:05Z west given 2026-01-03T00:00:00Z withdrawn"
    assert command("vip", "import", "-", stdin=line).exit_code == 0
    shown = command("vip", "show", "*.tenants").stdout
    assert "*.tenants" in shown
    assert "old.tenants" not in shown


@pytest.mark.parametrize("verb", ["show", "history"])
@pytest.mark.parametrize("target", ["nobody.here", "240.128.9.9"])
def test_what_nobody_knows_is_an_error(command, verb, target):
    printed = command("vip", verb, target)
    assert (printed.exit_code, printed.stdout) == (1, "")
    assert "hint: " in printed.stderr


@pytest.mark.parametrize("verb", ["show", "history"])
def test_a_host_that_never_had_a_vip_is_an_error_that_says_where_to_ask(command, mesh, verb):
    (mesh.folder / "example/east/never.yaml").write_text(NEVER)
    printed = command("vip", verb, "never.bookinfo")
    assert (printed.exit_code, printed.stdout) == (1, "")
    assert "hint: globaldns explain never.bookinfo says why" in printed.stderr


@pytest.mark.parametrize(
    ("size", "reserved", "free", "used"), [(256, 56, 50, "75.0%"), (4, 4, 0, "<none>")]
)
def test_a_pool_is_used_by_what_new_hosts_cannot_get(size, reserved, free, used):
    pool = PoolReport(pool="p", size=size, held=9, resting=1, reserved=reserved, free=free)
    assert to_pool_row(pool) == ("p", "9", "1", str(free), used)
