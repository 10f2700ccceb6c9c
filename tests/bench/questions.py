"""The sets of queries that every server is asked, each in a file that dnsperf reads.

A text file has a name and a type in a line. The mix needs other options in each query, so it is
written as a TCP stream would carry it (RFC 1035 section 4.2.2): a length of two octets, a message.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.message

HOT = 100
SEED = 7
"""The same questions in every run."""
EDNS: tuple[dict[str, bool | int], ...] = (
    {"use_edns": False},
    {"use_edns": 0, "payload": 1232},
    {"use_edns": 0, "payload": 1232, "want_dnssec": True},
)


@dataclass(frozen=True, slots=True)
class Questions:
    """A file of queries, how they are sent, and the one response code that they must get."""

    key: str
    title: str
    file: Path
    transport: str = "udp"
    rcode: str = "NOERROR"
    is_binary: bool = False


def write(folder: Path, hosts: Sequence[str], *, random_names: int) -> list[Questions]:
    """Write all sets; ``random_names``: how many questions differ in case or do not exist."""
    chance = random.Random(SEED)
    folder.mkdir(parents=True, exist_ok=True)

    def lines(key: str, names: Iterable[str]) -> Path:
        path = folder / f"{key}.questions"
        path.write_text("".join(f"{name} A\n" for name in names))
        return path

    hot = lines("hot", chance.sample(hosts, min(HOT, len(hosts))))
    every = lines("all", chance.sample(hosts, len(hosts)))
    case = lines("case", (any_case(chance.choice(hosts), chance) for _ in range(random_names)))
    none = lines("none", (missing(chance.choice(hosts), chance) for _ in range(random_names)))
    mix = folder / "edns.questions"
    mix.write_bytes(b"".join(map(framed, chance.sample(hosts, len(hosts)), cycle(EDNS, chance))))
    return [
        Questions("hot", f"{HOT} hot names", hot),
        Questions("all", "all names", every),
        Questions("case", "random case", case),
        Questions("none", "non-existing", none, rcode="NXDOMAIN"),
        Questions("edns", "EDNS and DO mix", mix, is_binary=True),
        Questions("tcp", "TCP, pipelined", copy(hot, "tcp"), transport="tcp"),
        Questions("dot", "DNS over TLS", copy(hot, "dot"), transport="dot"),
    ]


def copy(file: Path, key: str) -> Path:
    """Return a copy of a file of questions, for another set."""
    path = file.with_name(f"{key}.questions")
    path.write_bytes(file.read_bytes())
    return path


def cycle(
    options: Sequence[dict[str, bool | int]], chance: random.Random
) -> Iterable[dict[str, bool | int]]:
    """Yield options at random, for ever."""
    while True:
        yield chance.choice(options)


def any_case(name: str, chance: random.Random) -> str:
    """Return a name with the case of each letter drawn, as resolvers against forgery do."""
    bits = chance.getrandbits(len(name))
    choose: tuple[Callable[[str], str], ...] = (str.lower, str.upper)
    return "".join(choose[bits >> at & 1](letter) for at, letter in enumerate(name))


def missing(host: str, chance: random.Random) -> str:
    """Return a name that does not exist, beside one that does."""
    _, _, parent = host.partition(".")
    return f"x{chance.getrandbits(40)}.{parent}"


def framed(host: str, options: dict[str, bool | int]) -> bytes:
    """Return a question for a host's address as a TCP stream carries it."""
    question = dns.message.make_query(host, "A", **options)  # type: ignore[arg-type]
    question.id, question.flags = 0, 0
    wire = question.to_wire()
    return len(wire).to_bytes(2) + wire
