import stat

import pytest

from globaldns.errors import StateError
from globaldns.state import StateDirectory


def test_nothing_is_created_by_who_only_reads(state):
    assert state.read("zone.bin") is None
    assert state.read_checked("zone.bin") is None
    assert state.names() == ()
    assert state.names("views") == ()
    assert state.holder() is None
    state.remove("zone.bin")
    assert not state.path.exists()


def test_the_directory_and_its_files_are_their_owners_alone(state):
    state.lock(0)
    state.write_checked("views/east.bin", b"view")
    state.unlock()
    assert stat.S_IMODE(state.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((state.path / "views").stat().st_mode) == 0o700
    assert stat.S_IMODE((state.path / "views/east.bin").stat().st_mode) == 0o600


def test_a_checked_file_is_read_as_it_was_last_written(state):
    for payload in (b"first", b"", b"a longer one"):
        state.write_checked("zone.bin", payload)
        assert state.read_checked("zone.bin") == payload


def test_a_damaged_file_is_refused_with_its_path(state):
    state.write("zone.bin", b"something else altogether")
    with pytest.raises(StateError) as caught:
        state.read_checked("zone.bin")
    assert str(caught.value) == f"{state.path}/zone.bin is damaged: it is no state file"
    assert caught.value.hint == "remove it; it is written anew"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(state):
    state.write("zone.bin", b"old")
    with pytest.raises(TypeError):
        state.write("zone.bin", b"new", "no octets")
    assert state.read("zone.bin") == b"old"
    assert [file.name for file in state.path.iterdir()] == ["zone.bin"]


def test_what_a_crash_left_half_written_is_no_file(state):
    state.write("views/east.bin", b"view")
    (state.path / "views/west.bin.new").write_bytes(b"half")
    assert state.names("views") == ("views/east.bin",)
    state.write("views/west.bin", b"whole")
    assert state.names("views") == ("views/east.bin", "views/west.bin")
    assert not list(state.path.glob("views/*.new"))


def test_a_removed_file_is_gone(state):
    state.write("views/east.bin", b"view")
    state.remove("views/east.bin")
    assert state.names("views") == ()


@pytest.mark.parametrize("name", ["../x", "views/../../x", "/etc/passwd"])
def test_a_name_that_leads_out_of_the_directory_is_refused(state, name):
    with pytest.raises(StateError, match="leads out"):
        state.write(name, b"")


def test_a_directory_that_cannot_be_written_is_refused_with_a_remedy(read_only):
    state = StateDirectory(read_only)
    for write in (lambda: state.lock(0), lambda: state.write("zone.bin", b"zone")):
        with pytest.raises(StateError, match=rf"^{read_only}/.*: permission denied$") as caught:
            write()
        assert caught.value.hint.startswith("make it writable")
    assert state.read("kept") == b"kept"
    assert state.holder() is None


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(StateError) as caught:
            StateDirectory(path).lock(0)
        assert caught.value.hint == "set another directory with the key state"
