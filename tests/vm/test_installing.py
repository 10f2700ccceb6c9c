"""A machine is changed as planned."""

import pytest

from globaldns.errors import GlobalDnsError
from globaldns.vm.files import is_ours
from globaldns.vm.installing import change_files, place, read_standing, run_command
from globaldns.vm.plan import Change


def test_files_come_and_go(tmp_path):
    change_files(tmp_path, [Change("/etc/a/b", "", "one\n")])
    assert read_standing(tmp_path, ["/etc/a/b", "/etc/c"]) == {"/etc/a/b": "one\n"}
    change_files(tmp_path, [Change("/etc/a/b", "one\n", "two\n"), Change("/etc/c", "x", "")])
    assert (tmp_path / "etc/a/b").read_text() == "two\n"
    change_files(tmp_path, [Change("/etc/a/b", "two\n", "")])
    assert [path.name for path in (tmp_path / "etc/a").iterdir()] == []


def test_services_of_other_users_may_read_them(tmp_path):
    change_files(tmp_path, [Change("/a", "", "one\n")])
    assert place(tmp_path, "/a").stat().st_mode & 0o777 == 0o644


def test_what_is_no_text_file_is_foreign(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "masked").symlink_to("/dev/null")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "octets").write_bytes(b"\xff\xfe")
    standing = read_standing(tmp_path, ["/folder", "/masked", "/dangling", "/octets"])
    assert len(standing) == 4
    assert not any(map(is_ours, standing.values()))


def test_a_command_that_works_says_nothing(capfd):
    run_command(("sh", "-c", "echo fine"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("sh", "-c", "echo no such unit >&2; exit 5"), "ended with 5: no such unit"),
        (("/nonexistent/systemctl",), "/nonexistent/systemctl: no such file or directory"),
    ],
)
def test_a_command_that_fails_says_why_and_where_to_go_on(command, said):
    with pytest.raises(GlobalDnsError, match=said) as raised:
        run_command(command)
    assert "go on from" in raised.value.hint
