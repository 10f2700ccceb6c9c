from __future__ import annotations

from pathlib import Path

import dns.flags
import dns.message
import pytest

from tests.bench import questions
from tests.bench.manifests import host

HOSTS = [host(number) for number in range(300)]


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, questions.Questions]:
    return {each.key: each for each in questions.write(tmp_path, HOSTS, random_names=500)}


def names(asked: questions.Questions) -> list[str]:
    return [line.removesuffix(" A") for line in asked.file.read_text().splitlines()]


def test_hot_names_are_a_hundred_and_all_names_are_all(
    sets: dict[str, questions.Questions],
) -> None:
    assert len(names(sets["hot"])) == questions.HOT
    assert sorted(names(sets["all"])) == sorted(HOSTS)


def test_random_case_asks_for_names_that_exist_in_other_letters(
    sets: dict[str, questions.Questions],
) -> None:
    asked = names(sets["case"])
    assert {name.lower() for name in asked} <= set(HOSTS)
    assert len(set(asked)) > 490


def test_non_existing_names_lie_beside_names_that_exist(
    sets: dict[str, questions.Questions],
) -> None:
    asked = names(sets["none"])
    assert not set(asked) & set(HOSTS)
    assert {name.partition(".")[2] for name in asked} <= {name.partition(".")[2] for name in HOSTS}


def test_the_mix_has_questions_without_edns_with_it_and_with_do(
    sets: dict[str, questions.Questions],
) -> None:
    stream, kinds, asked = sets["edns"].file.read_bytes(), set(), []
    while stream:
        length = int.from_bytes(stream[:2])
        message = dns.message.from_wire(stream[2 : 2 + length])
        stream = stream[2 + length :]
        kinds.add((message.edns, bool(message.ednsflags & dns.flags.DO)))
        asked.append(message.question[0].name.to_text(omit_final_dot=True))
    assert kinds == {(-1, False), (0, False), (0, True)}
    assert sorted(asked) == sorted(HOSTS)


def test_the_same_questions_are_asked_in_every_run(tmp_path: Path) -> None:
    written = []
    for run in ("one", "two"):
        sets = questions.write(tmp_path / run, HOSTS, random_names=50)
        written.append([each.file.read_bytes() for each in sets])
    assert written[0] == written[1]
