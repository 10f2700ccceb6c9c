"""What ``globaldns demo`` prints."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from globaldns.cli import main
from globaldns.cli.demo import format_status
from globaldns.demo.words import HostStatus, Status, UnitStatus

STATUS = Status(
    hosts=(HostStatus("a.b.global", ("east",), {"east": ("240.128.0.1",), "west": ()}),),
    gateways=(UnitStatus("west-gw1", "west", "203.0.113.20", is_up=False),),
    pods=(UnitStatus("pod-1", "east", "10.10.1.12", is_up=True),),
    cuts=(("east", "west"),),
    ended=("envoy-west-gw1",),
    digests={"east": "1", "west": "1"},
)


def test_a_status_is_three_tables() -> None:
    assert format_status(STATUS).splitlines() == [
        "ready; the clusters serve the same",
        "cut: east - west",
        "ended: envoy-west-gw1",
        "",
        "HOST         VIP           EXPORTED BY   ANSWERED BY",
        "a.b.global   240.128.0.1   east          east,west",
        "",
        "GATEWAY    CLUSTER   ADDRESS        STATE",
        "west-gw1   west      203.0.113.20   down",
        "",
        "POD     CLUSTER   ADDRESS      STATE",
        "pod-1   east      10.10.1.12   up",
    ]


def test_a_command_without_a_box_fails_with_the_next_step(tmp_path: Path) -> None:
    for words in (["status"], ["heal"], ["curl", "a.b"], ["cut", "a", "b"], ["kill", "pod", "a"]):
        done = CliRunner().invoke(main, ["demo", *words, "--state", str(tmp_path)])
        assert done.exit_code == 1
        assert "globaldns demo up" in done.output


def test_down_is_fine_where_there_is_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["demo", "down", "--state", str(tmp_path / "none")])
    assert (done.exit_code, done.output) == (0, "no box runs\n")
