"""The configuration file while a server runs: all of it or nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from globaldns.admin.reports import ReloadReport
from globaldns.app.reloading import (
    COMPARE_SECONDS,
    ConfigFile,
    Outcome,
    keep_started,
    log_outcome,
    reread,
)
from globaldns.config.loading import RESTART_KEYS, load
from globaldns.config.schema import Config
from tests.app.meshes import START, Place, run_leaping
from tests.certificates import make_pair

AT = "2026-01-02T03:04:05Z"
TLS = {"certificate": "tls.crt", "key": "tls.key", "listen": ["127.0.0.1:0"]}
RESTARTS: list[tuple[str, dict[str, Any]]] = [
    ("cluster", {"cluster": "west"}),
    ("namespace", {"namespace": "dns"}),
    ("state", {"state": "elsewhere"}),
    ("remote_secrets", {"remote_secrets": {"directory": "kubeconfigs"}}),
    ("vips.ledger", {"vips": {"ledger": {"sqlite": "other.db"}}}),
    ("dns.listen", {"dns": {"listen": ["127.0.0.1:5353"]}}),
    ("dns.workers", {"dns": {"listen": ["127.0.0.1:0"], "workers": 2}}),
    ("dns.tls.listen", {"dns": {"listen": ["127.0.0.1:0"], "tls": TLS}}),
    ("admin.listen", {"admin": {"listen": "127.0.0.1:8080"}}),
]


def change(place: Place, **keys: Any) -> tuple[Config, Config]:
    """Return the configuration before and after a change of the file."""
    old = place.config
    return old, place.configure(**keys)


def test_a_sound_file_is_taken(place: Place) -> None:
    old, new = change(place, grace="5s")
    outcome = reread(place.path, {}, old, START)
    assert outcome.config == new
    assert outcome.report == ReloadReport(at=AT, accepted=True)


def test_of_a_file_with_problems_nothing_is_taken_and_all_are_named(place: Place) -> None:
    old = place.config
    text = place.path.read_text().replace("cluster: east", "cluster: east\ngrace: soon\nzonen: []")
    place.path.write_text(text)
    outcome = reread(place.path, {}, old, START)
    assert outcome.config is None
    assert (outcome.report.at, outcome.report.accepted) == (AT, False)
    assert [problem.split()[0] for problem in outcome.report.problems] == ["$.grace", "$.zonen"]


def test_a_file_that_is_gone_is_a_problem(place: Place) -> None:
    place.path.unlink()
    outcome = reread(place.path, {}, place.config, START)
    assert outcome.config is None
    assert len(outcome.report.problems) == 1


def test_a_file_that_has_lost_our_own_cluster_is_refused(place: Place) -> None:
    old, _ = change(place, cluster="west", clusters={"west": place.cluster("west")})
    outcome = reread(place.path, {}, old, START)
    assert outcome.config is None
    (problem,) = outcome.report.problems
    assert problem.startswith("$.clusters: 'east', which is our own id until a restart")
    assert "restart to serve another cluster" in problem


@pytest.mark.parametrize(("key", "keys"), RESTARTS)
def test_a_key_that_needs_a_restart_is_named_and_keeps_its_value_and_the_rest_is_taken(
    key: str, keys: dict[str, Any], place: Place
) -> None:
    if key.startswith("dns.tls"):
        make_pair(place.folder)
    old, _ = change(place, **keys, grace="5s")
    outcome = reread(place.path, {}, old, START)
    assert outcome.config is not None
    assert outcome.report.restart_needed == (key,)
    assert RESTART_KEYS[key](outcome.config) == RESTART_KEYS[key](old)
    assert outcome.config.grace == 5.0


def test_every_key_that_needs_a_restart_is_kept_and_no_other(place: Place) -> None:
    assert [key for key, _ in RESTARTS] == list(RESTART_KEYS)
    old, new = change(
        place,
        cluster="west",
        namespace="dns",
        state="elsewhere",
        remote_secrets={"directory": "kubeconfigs"},
        vips={"ledger": {"sqlite": "other.db"}, "quarantine": "1h"},
        dns={"listen": ["127.0.0.1:5353"], "workers": 2, "ttl": "5s"},
        admin={"listen": "127.0.0.1:8080"},
    )
    kept = keep_started(old, new)
    assert all(read(kept) == read(old) for read in RESTART_KEYS.values())
    assert (kept.vips.quarantine, kept.dns.ttl) == (3600, 5)


def obeyed(place: Place, old: Config, **tls: Any) -> Outcome:
    """What a server comes to obey whose file gets another ``dns.tls``."""
    place.configure(dns={"listen": ["127.0.0.1:0"], "tls": tls})
    return reread(place.path, {}, old, START)


def test_another_certificate_is_taken_and_other_addresses_wait_for_a_restart(place: Place) -> None:
    make_pair(place.folder)
    make_pair(place.folder, "new")
    old = place.configure(dns={"listen": ["127.0.0.1:0"], "tls": TLS})
    new = {"certificate": "new.crt", "key": "new.key"}
    taken = obeyed(place, old, **new).config
    assert taken is not None
    assert taken.dns.tls.listen == ("127.0.0.1:0",)
    assert taken.dns.tls.certificate == place.folder / "new.crt"
    kept = obeyed(place, old)
    assert kept.config is not None
    assert kept.config.dns.tls == old.dns.tls
    assert kept.report.restart_needed == ("dns.tls.listen",)


def test_a_certificate_that_is_named_anew_must_be_usable_and_one_that_was_need_not(
    place: Place,
) -> None:
    pair = make_pair(place.folder)
    old = place.configure(dns={"tls": TLS})
    (problem,) = obeyed(place, old, **TLS | {"key": "nowhere.key"}).report.problems
    assert "$.dns.tls.key" in problem
    assert "nowhere.key cannot be read" in problem
    pair.key.unlink()
    place.configure(dns={"tls": TLS}, grace="5s")
    assert reread(place.path, {}, old, START).report.accepted


def test_one_that_has_ended_is_taken_all_the_same(place: Place) -> None:
    make_pair(place.folder).end_on("200101000000Z")
    outcome = obeyed(place, place.config, **TLS)
    assert outcome.report.accepted


def test_the_environment_counts_as_at_the_start(place: Place) -> None:
    text = place.path.read_text().replace("state: state\n", "")
    place.path.write_text(text)
    env = {"STATE_DIRECTORY": "/run/a"}
    old = load(place.path, env)
    assert reread(place.path, env, old, START).report.restart_needed == ()
    moved = reread(place.path, {"STATE_DIRECTORY": "/run/b"}, old, START)
    assert moved.report.restart_needed == ("state",)


@pytest.mark.parametrize(
    ("report", "lines"),
    [
        (ReloadReport(at=AT, accepted=True), [(logging.INFO, "the configuration is taken")]),
        (
            ReloadReport(at=AT, accepted=True, restart_needed=("state", "cluster")),
            [
                (logging.INFO, "the configuration is taken"),
                (
                    logging.WARNING,
                    "some changed keys need a restart: until then the old values stay",
                ),
            ],
        ),
        (
            ReloadReport(at=AT, accepted=False, problems=("one", "two")),
            [(logging.ERROR, "the configuration is not taken: the old one stays")] * 2,
        ),
    ],
)
def test_how_it_went_is_logged(
    report: ReloadReport,
    lines: list[tuple[int, str]],
    place: Place,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    log_outcome(place.path, report)
    assert [(record.levelno, record.message) for record in caplog.records] == lines
    told = [record.__dict__ for record in caplog.records]
    assert [one["problem"] for one in told if "problem" in one] == list(report.problems)
    assert [one["keys"] for one in told if "keys" in one] == (
        ["state, cluster"] if report.restart_needed else []
    )


Act = Callable[["Following"], object]


class Following:
    """A file that is followed, and how often it was to be read again."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.file = ConfigFile(place.path)
        self.reloads = 0

    def reload(self) -> None:
        self.reloads += 1

    def after(self, *acts: Act) -> list[int]:
        """Return how often it is read again in the seconds after each act."""
        counted: list[int] = []

        async def test() -> None:
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(self.file.follow(self.reload))
                await asyncio.sleep(COMPARE_SECONDS / 2)
                for act in acts:
                    before = self.reloads
                    act(self)
                    await asyncio.sleep(5 * COMPARE_SECONDS)
                    counted.append(self.reloads - before)
                following.cancel()

        run_leaping(test)
        return counted


@pytest.fixture
def following(place: Place) -> Following:
    return Following(place)


def wait(_: Following) -> None:
    """Let time go by."""


def touch(following: Following) -> None:
    following.place.configure(grace="5s")


def demand(following: Following) -> None:
    following.file.wanted.set()


def remove(following: Following) -> None:
    following.place.path.unlink()


@pytest.mark.parametrize(
    ("act", "reloads"),
    [(touch, 1), (demand, 1), (remove, 0)],
    ids=["changed", "demanded", "removed"],
)
def test_it_is_read_again_once_when_it_changes_or_somebody_says_so(
    act: Act, reloads: int, following: Following
) -> None:
    assert following.after(wait, act, wait) == [0, reloads, 0]


def test_a_change_and_a_demand_together_read_it_once(following: Following) -> None:
    assert following.after(lambda one: (touch(one), demand(one))) == [1]


def test_every_change_is_seen(following: Following) -> None:
    graces = [lambda one, n=n: one.place.configure(grace=f"{10**n}s") for n in range(3)]
    assert following.after(*graces) == [1, 1, 1]


def test_a_file_that_comes_back_is_read_again(following: Following) -> None:
    assert following.after(remove, touch) == [0, 1]


def test_a_file_that_was_missing_at_the_start_is_read_when_it_comes(place: Place) -> None:
    place.path.unlink()
    assert Following(place).after(wait, touch) == [0, 1]


def test_a_mount_that_changes_where_its_links_lead_is_read_again(place: Place) -> None:
    """As a ConfigMap's volume does it: ``globaldns.yaml`` → ``..data/`` → ``..2026_01_02/``."""
    text = place.path.read_text()
    place.path.unlink()
    for version in ("..1", "..2"):
        (place.folder / version).mkdir()
        (place.folder / version / place.path.name).write_text(text)
    (place.folder / "..data").symlink_to("..1")
    place.path.symlink_to(f"..data/{place.path.name}")

    def swap(_: Following) -> None:
        (place.folder / "..next").symlink_to("..2")
        (place.folder / "..next").replace(place.folder / "..data")

    assert Following(place).after(wait, swap) == [0, 1]
