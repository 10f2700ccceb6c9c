"""Explaining a host or VIP, however a person writes it."""

import json

import pytest

from globaldns.cli.explain import read_vip


@pytest.mark.parametrize(
    "written", ["reviews.bookinfo", "reviews.bookinfo.global", "Reviews.Bookinfo.Global."]
)
def test_a_host_is_found_with_and_without_zone_and_dot(command, written):
    printed = command("explain", written)
    assert printed.exit_code == 0
    assert printed.stdout.startswith("reviews.bookinfo.global\n")


def test_every_exporter_is_named_with_its_file(command):
    printed = command("explain", "reviews.bookinfo").stdout
    for words in (("east", "bookinfo.yaml"), ("west", "2/2"), ("flat", "bookinfo/reviews.yaml")):
        assert any(all(word in line for word in words) for line in printed.splitlines())


def test_a_vip_is_explained_by_its_host(command):
    assert command("explain", "240.128.1.2").stdout.startswith("productpage.bookinfo.global\n")


def test_a_conflict_names_winner_loser_and_rule(command):
    section = command("explain", "httpbin.httpbin").stdout.partition("\nconflicts\n")[2]
    row = section.splitlines()[1]
    assert row.startswith("port-number   east Service httpbin/httpbin   flat Service")


def test_a_name_below_a_wildcard_is_explained_by_it(command):
    printed = command("explain", "shop.tenants.global")
    assert printed.stdout.startswith("*.tenants.global\n")
    assert "shop.tenants has no export of its own" in printed.stderr


def test_a_wildcard_does_not_answer_across_a_name_that_exists(command, mesh):
    manifest = mesh.folder / "example/west/tenants.yaml"
    manifest.write_text(manifest.read_text().replace("*.tenants.global", "*.bookinfo.global"))
    mesh.settings["clusters"]["west"]["allow"] = {"hosts": ["*.bookinfo.global"]}
    mesh.configure()
    assert command("explain", "new.bookinfo").stdout.startswith("*.bookinfo.global\n")
    assert command("explain", "v1.reviews.bookinfo").exit_code == 1


def test_a_misspelt_host_is_an_error_that_names_the_nearest(command):
    printed = command("explain", "reviewz.bookinfo.global")
    assert printed.exit_code == 1
    assert printed.stdout == ""
    assert "error: 'reviewz.bookinfo' is exported by no cluster" in printed.stderr
    assert "did you mean reviews.bookinfo?" in printed.stderr


def test_an_address_that_was_never_given_is_an_error(command):
    printed = command("explain", "240.128.9.9")
    assert printed.exit_code == 1
    assert "never did" in printed.stderr


def test_a_text_that_cannot_be_a_host_is_an_error(command):
    assert command("explain", "a..b").exit_code == 1


def test_programs_get_the_explanation_itself(command):
    explanation = json.loads(command("explain", "httpbin.httpbin", "-o", "json").stdout)
    assert explanation["host"] == "httpbin.httpbin"
    assert explanation["conflicts"][0]["winner"]["name"] == "httpbin"


def test_a_server_says_the_same_as_the_files(command, api):
    offline = command("explain", "httpbin.httpbin", "-o", "json").stdout
    api.put("/api/v1/explain/httpbin.httpbin", json.loads(offline))
    online = command("explain", "httpbin.httpbin", "-o", "json", "--server", api.url)
    assert online.stdout == offline


def test_a_vip_whose_host_is_gone_is_explained_by_its_own_past_and_no_wildcard(command):
    line = "old.tenants 240.128.7.7 2026-01-02T03:04:05Z west given 2026-01-03T00:00:00Z withdrawn"
    assert command("vip", "import", "-", stdin=line).exit_code == 0
    printed = command("explain", "240.128.7.7").stdout
    assert printed.startswith("old.tenants\n  state   unknown: NXDOMAIN; no cluster exports it")
    assert printed.splitlines()[-1].endswith("withdrawn")


def test_a_vip_is_read_in_its_canonical_form():
    assert read_vip("FD67:0::1") == "fd67::1"
    assert read_vip("reviews.bookinfo") is None
