"""Our block as CoreDNS reads it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.rendering import (
    UNKNOWN,
    Build,
    Surroundings,
    format_directive,
    format_word,
    parse_version,
    render_blocks,
)
from globaldns.coredns.stub import Foreign, Server, Stub, StubZone
from globaldns.coredns.surroundings import surroundings_of
from globaldns.errors import StubError
from tests.coredns.collection import COREFILES, FALLING, STUB, corefiles, stub

OLD, NEW = Build(version=(1, 11, 3)), Build(version=(1, 13))


def rendered(told: Stub, base: str = "", build: Build = UNKNOWN) -> str:
    at = surroundings_of(parse_corefile(base))
    return "\n".join(render_blocks(told, at, build))


def test_the_plain_block() -> None:
    assert rendered(STUB) == ("global:53 {\n    errors\n    cache 30\n    forward . 10.96.0.99\n}")


def test_all_addresses_and_ports_and_zones() -> None:
    told = Stub(
        zones=(StubZone("global"), StubZone("mesh.example")),
        servers=(Server("10.96.0.99", 1053), Server("fd00::53", 1053)),
        reverse=("240.128.0.0/10",),
        cache_seconds=0,
        force_tcp=True,
    )
    assert rendered(told, COREFILES["microshift"]) == (
        "global:5353 mesh.example:5353 240.128.0.0/10:5353 {\n"
        "    errors\n"
        "    forward . 10.96.0.99:1053 [fd00::53]:1053 {\n"
        "        force_tcp\n"
        "    }\n"
        "}"
    )


def test_our_zone_is_answered_where_the_root_zone_is() -> None:
    head, bind, *_ = rendered(STUB, COREFILES["node-local-dns"]).splitlines()
    assert head == "global:53 {"
    assert bind == "    bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__"


def test_a_port_from_the_environment_stays_one() -> None:
    assert rendered(STUB, ".:{$PORT} {\n}").startswith("global:{$PORT} {\n")
    assert rendered(STUB, ". {\n}").startswith("global {\n")


def test_options_that_the_server_may_not_know_are_left_out() -> None:
    assert "failfast" not in rendered(STUB)
    assert "failfast" not in rendered(STUB, build=OLD)
    assert "failfast_all_unhealthy_upstreams" in rendered(STUB, build=NEW)


def test_plugins_that_the_server_does_not_have_are_left_out() -> None:
    few = Build(plugins=frozenset({"forward"}))
    assert rendered(STUB, build=few) == "global:53 {\n    forward . 10.96.0.99\n}"


def test_who_is_asked_for_names_of_others_is_asked_next() -> None:
    told = stub(foreign=Foreign.FALLTHROUGH)
    assert rendered(told, COREFILES["kubeadm"], Build(version=(1, 12))) == (
        "global:53 {\n"
        "    errors\n"
        "    cache 30\n"
        "    forward . 10.96.0.99 {\n"
        "        next NXDOMAIN\n"
        "    }\n"
        "    forward . /etc/resolv.conf {\n"
        "        max_concurrent 1000\n"
        "    }\n"
        "}"
    )


SOME = "".join(f"forward {zone} 1.1.1.1\n" for zone in (".", "Example.", "240.0.0.0/8", "b.a"))


@pytest.mark.parametrize(
    ("zone", "reverse", "asked"),
    [
        ("global", (), ["."]),
        ("x.example", (), [".", "Example."]),
        ("example", (), [".", "Example."]),
        ("an-example", (), ["."]),
        ("global", ("240.128.0.0/16",), [".", "240.0.0.0/8"]),
        ("a", (), ["."]),
    ],
)
def test_of_the_root_zones_forwards_those_for_a_zone_are_asked_next(
    zone: str, reverse: tuple[str, ...], asked: list[str]
) -> None:
    told = stub(StubZone(zone, Foreign.FALLTHROUGH), reverse=reverse)
    (block,) = parse_corefile(rendered(told, f". {{\n{SOME}\n}}", NEW)).blocks
    _ours, *others = block.named("forward")
    assert [one.lines[0][1] for one in others] == asked


def test_each_policy_has_a_block_and_one_policy_has_one() -> None:
    build = Build(version=(1, 13))
    told = stub(FALLING, "global", StubZone("b", namespaces=("x", "y")), reverse=("240.0.0.0/8",))
    alone = stub("global", StubZone("b", namespaces=("x", "y")), reverse=("240.0.0.0/8",))
    falling = stub(FALLING)
    assert rendered(told, COREFILES["microshift"], build) == "\n".join(
        rendered(part, COREFILES["microshift"], build) for part in (alone, falling)
    )
    head, *lines = rendered(told, COREFILES["kubeadm"], build).splitlines()
    assert head == "global:53 x.b:53 y.b:53 240.0.0.0/8:53 {"
    assert "mesh.example:53 {" in lines
    assert lines.index("        next NXDOMAIN") > lines.index("mesh.example:53 {")


@pytest.mark.parametrize(
    ("base", "build"),
    [
        (COREFILES["kubeadm"], OLD),
        (COREFILES["kubeadm"], UNKNOWN),
        (".:53 {\n errors\n}", NEW),
        (".:53 {\n forward mesh 1.1.1.1\n forward other.example 1.1.1.1\n}", NEW),
        (COREFILES["kubeadm"], Build(version=(1, 13), plugins=frozenset({"errors"}))),
    ],
)
def test_what_this_coredns_cannot_do_is_refused(base: str, build: Build) -> None:
    rendered(STUB, base, Build(version=build.version))
    with pytest.raises(StubError) as refused:
        rendered(stub("global", FALLING), base, build)
    assert refused.value.code == "build"


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.k8s.io/coredns/coredns:v1.11.3", (1, 11, 3)),
        ("rancher/hardened-coredns:v1.12.1-build20250401", (1, 12, 1)),
        ("coredns:latest", ()),
        ("coredns", ()),
        ("localhost:5000/coredns@sha256:0123", ()),
    ],
)
def test_the_version_in_an_image(image: str, version: tuple[int, ...]) -> None:
    assert parse_version(image) == version


@pytest.mark.parametrize("word", ["a", "a b", 'a"b', '"a', "", "#a", "a#b", 'a "b"\nc'])
def test_a_word_is_written_as_it_is_read(word: str) -> None:
    (block,) = parse_corefile(f". {{\n log {format_word(word)}\n}}").blocks
    assert block.directives[0].lines == (("log", word),)


@settings(max_examples=50, deadline=None)
@given(corefiles())
def test_directives_are_written_as_they_are_read(text: str) -> None:
    for block in parse_corefile(text).blocks:
        lines = [line for part in block.directives for line in format_directive(part)]
        again = parse_corefile("\n".join((". {", *lines, "}"))).blocks[0]
        assert again.directives == block.directives


def test_nothing_is_taken_over_where_nothing_is() -> None:
    assert surroundings_of(parse_corefile("")) == Surroundings()
