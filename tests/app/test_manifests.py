"""Objects of a cluster, as its manifests have them."""

from __future__ import annotations

from pathlib import Path

from globaldns.app.manifests import find_objects, read_entry
from globaldns.documents import format_documents
from tests.apply.routes.documents import endpoint, entry, rule

OURS, RULE = entry(endpoint("10.0.0.1")), rule()
THEIRS = {**OURS, "metadata": {"name": "theirs", "namespace": "shop"}}


def test_what_is_ours_and_what_is_not_are_told_apart_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/web.yaml").write_text(format_documents([OURS, RULE]))
    (tmp_path / "theirs.yaml").write_text(format_documents([THEIRS]))
    (tmp_path / "broken.yaml").write_text("kind: ServiceEntry\nspec: [\n")
    ours, others = find_objects(tmp_path, {"ServiceEntry", "DestinationRule"}, "east")
    assert [one.document for one in ours] == [OURS, RULE]
    assert [str(one.key) for one in others] == ["ServiceEntry shop/theirs"]
    assert [one.document for one in find_objects(tmp_path, {"DestinationRule"}, "east")[0]] == [
        RULE
    ]


def test_what_has_the_mark_of_another_cluster_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(format_documents([OURS]))
    ours, others = find_objects(tmp_path, {"ServiceEntry"}, "west")
    assert (ours, [one.owner for one in others]) == ([], ["east"])


def test_an_entry_is_read_as_it_stands_now(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(format_documents([OURS, THEIRS]))
    assert read_entry(tmp_path, "f.yaml", "shop", "theirs") == THEIRS
    assert read_entry(tmp_path, "f.yaml", "shop", "gone") is None
    file.unlink()
    assert read_entry(tmp_path, "f.yaml", "shop", "theirs") is None
