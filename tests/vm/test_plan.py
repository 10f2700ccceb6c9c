"""What is to be done to a machine."""

from pathlib import Path

import pytest

from globaldns.vm.files import ANCHORS, DROP_IN, PATHS, USERS, machine_files
from globaldns.vm.plan import (
    Change,
    Plan,
    offline_commands,
    plan_installation,
    plan_removal,
    unified,
)
from globaldns.vm.units import BOOTSTRAP
from tests.vm.machines import machine

FILES = machine_files(machine())
UNITS = ("globaldns.service", "globaldns-pools.service", "globaldns-envoy.service")
ENABLE = ("systemctl", "enable", "--now", *UNITS)
RESOLVE = ("systemctl", "reload-or-restart", "systemd-resolved.service")
SERVE = "/etc/systemd/system/globaldns.service"


def test_a_bare_machine_gets_every_file_and_is_started():
    plan = plan_installation(FILES, {})
    assert {change.path: change.after for change in plan.changes} == FILES
    assert plan.then == (
        ("systemd-sysusers", USERS),
        ("systemctl", "daemon-reload"),
        ENABLE,
        RESOLVE,
    )


def test_a_machine_that_is_as_it_should_be_is_not_changed():
    assert plan_installation(FILES, FILES) == Plan(then=(ENABLE,))


@pytest.mark.parametrize(
    ("path", "commands"),
    [
        (SERVE, (("daemon-reload",), ("try-restart", "globaldns.service"))),
        (str(BOOTSTRAP), (("try-restart", "globaldns-envoy.service"),)),
        (DROP_IN, ()),
        (ANCHORS, ()),
    ],
)
def test_what_has_changed_is_restarted_and_nothing_else(path, commands):
    old = f"{FILES[path].splitlines()[0]}\nold\n"
    plan = plan_installation(FILES, {**FILES, path: old})
    assert plan.changes == (Change(path, old, FILES[path]),)
    after = (RESOLVE,) if path in {DROP_IN, ANCHORS} else ()
    assert plan.then == (*(("systemctl", *words) for words in commands), ENABLE, *after)


def test_nothing_is_done_where_a_file_is_foreign():
    assert plan_installation(FILES, {SERVE: "[Unit]\n"}) == Plan(foreign=(SERVE,))


def test_removal_stops_what_ran_before_its_files_go():
    plan = plan_removal(FILES)
    assert [change.path for change in plan.changes] == [*PATHS]
    assert {change.after for change in plan.changes} == {""}
    assert plan.first == (("systemctl", "disable", "--now", *reversed(UNITS)),)
    assert plan.then == (("systemctl", "daemon-reload"), RESOLVE)


def test_removal_leaves_what_is_foreign():
    standing = {SERVE: "[Unit]\n", DROP_IN: FILES[DROP_IN]}
    plan = plan_removal(standing)
    assert [change.path for change in plan.changes] == [DROP_IN]
    assert (plan.foreign, plan.first, plan.then) == ((SERVE,), (), (RESOLVE,))


def test_where_nothing_stands_nothing_is_removed():
    assert plan_removal({}) == Plan()


def test_an_image_is_enabled_from_outside():
    assert offline_commands(Path("/mnt"), "enable") == (
        ("systemctl", "--root=/mnt", "enable", *UNITS),
    )


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("", "a\n", ["--- /dev/null", "+++ /f"]),
        ("a\n", "", ["--- /f", "+++ /dev/null"]),
        ("a\n", "b\n", ["--- /f", "+++ /f"]),
    ],
)
def test_a_change_is_shown_as_a_diff(before, after, names):
    assert [*unified(Change("/f", before, after))][:2] == names
