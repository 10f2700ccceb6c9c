from __future__ import annotations

from globaldns.istio.documents import make_document
from globaldns.model.place import Place


def test_a_document_says_whose_it_is_in_the_order_in_which_people_write() -> None:
    made = make_document("ServiceEntry", Place("shop", "web-global"), "east", {"hosts": ["a"]})
    assert list(made) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(made["metadata"]) == ["name", "namespace", "labels"]
    assert made["metadata"]["labels"] == {"globaldns.io/owned-by": "east"}
