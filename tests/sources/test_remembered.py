from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from globaldns.errors import StateError
from globaldns.model.view import SourceState
from globaldns.sources.directory import DirectorySource
from globaldns.sources.remembered import FORMAT, decode_view, encode_view, file_name
from globaldns.state import StateDirectory
from tests.sources.manifests import GRACE, RULES, at, entry


def test_a_view_survives_the_state_directory_with_its_age(tmp_path: Path) -> None:
    names = [f"s{number}" for number in range(2500)]
    (tmp_path / "a.yaml").write_text("".join(map(entry, names)))
    source = DirectorySource(tmp_path, RULES, grace=GRACE)
    source.read_once(at(0))
    state = StateDirectory(tmp_path / "state")
    payload = encode_view(source.view(), source.view().exports)
    state.write_checked(file_name("east"), payload, version=FORMAT)
    kept = state.read_checked(file_name("east"), version=FORMAT)
    assert kept is not None
    view = decode_view(kept, "east")
    assert view.exports == source.view().exports
    assert view.freshness is not None
    assert view.freshness.state is SourceState.REMEMBERED
    assert view.freshness.contact == at(0).wall


def test_equal_values_are_one_value(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(entry("a") + entry("b"))
    source = DirectorySource(tmp_path, RULES, grace=GRACE)
    source.read_once(at(0))
    first, second = decode_view(encode_view(source.view(), source.view().exports), "east").exports
    assert first.ports is second.ports
    assert first.origin.file is second.origin.file


@pytest.mark.parametrize("payload", [b"", b"\x93", msgspec.msgpack.encode({"cluster": "east"})])
def test_what_is_no_view_is_refused_with_the_remedy(payload: bytes) -> None:
    with pytest.raises(StateError, match="damaged") as caught:
        decode_view(payload, "east")
    assert "views/east.bin" in caught.value.hint


def test_the_view_of_another_cluster_is_refused(tmp_path: Path) -> None:
    source = DirectorySource(tmp_path, RULES, grace=GRACE)
    with pytest.raises(StateError, match="is the view of east"):
        decode_view(encode_view(source.view(), source.view().exports), "west")


def test_no_cluster_name_leads_out_of_its_folder() -> None:
    assert file_name("../x/y") == "views/..%2Fx%2Fy.bin"
