"""What is asked of a box and of the agents in it, and what they answer: a line of JSON each."""

from __future__ import annotations

import msgspec

from globaldns.demo.plan import Speech

MAX_OCTETS = 1 << 20
"""A line; the status of a box has 5,000."""


class Tally(msgspec.Struct, frozen=True, order=True):
    """How many requests came to the same end."""

    cluster: str = ""
    """Whose workload answered; empty: none did."""
    workload: str = ""
    caller: str = ""
    """The caller's SPIFFE id as the workload was told; of TCP it is told none."""
    failure: str = ""
    """Why there is no answer."""
    count: int = 0


class Ask(msgspec.Struct, frozen=True, tag_field="do", tag="ask"):
    """Have a cluster's client call a host."""

    host: str
    port: int
    speech: Speech
    count: int = 1


class Read(msgspec.Struct, frozen=True, tag_field="do", tag="read"):
    """Have a path of the admin endpoint of a cluster's globaldns read."""

    path: str


AgentRequest = Ask | Read


class AgentReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agent answers."""

    vip: str = ""
    tallies: tuple[Tally, ...] = ()
    status: int = 0
    """Of HTTP; 0: nobody listens."""
    body: str = ""
    error: str = ""


class Curl(msgspec.Struct, frozen=True, tag_field="do", tag="curl"):
    """Have a cluster's client call a host, which may have a port."""

    host: str
    cluster: str
    count: int = 1


class Cut(msgspec.Struct, frozen=True, tag_field="do", tag="cut"):
    """Cut two clusters off from each other."""

    one: str
    other: str


class Kill(msgspec.Struct, frozen=True, tag_field="do", tag="kill"):
    """End gateways or pods: one by its name, or all of a cluster."""

    kind: str
    """``gateway`` or ``pod``."""
    name: str


class Heal(msgspec.Struct, frozen=True, tag_field="do", tag="heal"):
    """Undo all that was cut and killed."""


class GetStatus(msgspec.Struct, frozen=True, tag_field="do", tag="status"):
    """Say how it is."""


class Down(msgspec.Struct, frozen=True, tag_field="do", tag="down"):
    """End the box."""


Request = Curl | Cut | Kill | Heal | GetStatus | Down


class HostStatus(msgspec.Struct, frozen=True):
    """A name, as the clusters answer it."""

    host: str
    exporters: tuple[str, ...]
    vips: dict[str, tuple[str, ...]]
    """By the cluster whose globaldns answers."""


class UnitStatus(msgspec.Struct, frozen=True):
    """A gateway or a workload."""

    name: str
    cluster: str
    address: str
    is_up: bool


class Status(msgspec.Struct, frozen=True):
    """How a box is."""

    phase: str = ""
    """What it does until it is ready; empty: it is."""
    hosts: tuple[HostStatus, ...] = ()
    gateways: tuple[UnitStatus, ...] = ()
    pods: tuple[UnitStatus, ...] = ()
    cuts: tuple[tuple[str, str], ...] = ()
    ended: tuple[str, ...] = ()
    """Processes that do not run."""
    trouble: str = ""
    """Why a ledger is not shown to the other clusters; empty: all are."""
    digests: dict[str, str] = {}
    """What each cluster's globaldns serves, hashed: zone and VIPs; empty: it does not answer."""

    @property
    def is_agreed(self) -> bool:
        """Whether all clusters serve the same."""
        return len({*self.digests.values()}) == 1 and "" not in self.digests.values()


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a request did, or why it did nothing."""

    vip: str = ""
    tallies: tuple[Tally, ...] = ()
    names: tuple[str, ...] = ()
    """What was cut, killed or healed."""
    status: Status | None = None
    error: str = ""
    hint: str = ""
