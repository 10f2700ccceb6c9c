from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from globaldns.ledger import repairing
from globaldns.ledger.opening import OnLoss, open_ledger, read_ledger
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.address import parse_address
from globaldns.model.claim import Claim, ClaimKind, Marker
from globaldns.model.host import Host
from globaldns.state import StateDirectory
from tests.kube.fake import FakeApiServer
from tests.ledger.replicas import LEDGERS, SPACE, Replica, replica
from tests.ledger.shelves import FIRST

START = 1767323045
DAY = 86400


def make_claim(host="reviews.bookinfo", vip="240.128.0.1", at=START, **fields):
    values = {"cluster": "east", "kind": ClaimKind.GIVEN} | fields
    return Claim(Host(host), parse_address(vip), at, **values)


@dataclass
class Place:
    """A state directory, and the ledger in it."""

    state: StateDirectory
    opened: list[SqliteLedger] = field(default_factory=list)

    @property
    def path(self):
        return self.state.path / "ledger.db"

    def open(self, *, cluster="east", now=START, on_loss=OnLoss.REFUSE):
        ledger = open_ledger(self.state, "ledger.db", cluster=cluster, now=now, on_loss=on_loss)
        self.opened.append(ledger)
        return ledger

    def read(self, *, cluster="east"):
        ledger = read_ledger(self.state, "ledger.db", cluster=cluster)
        if ledger is not None:
            self.opened.append(ledger)
        return ledger

    def remember(self, *claims):
        """Leave a ledger with claims behind, as a server that has ended does."""
        with self.open() as ledger:
            ledger.write(claims)

    def files(self):
        return sorted(file.name for file in self.state.path.iterdir())


@pytest.fixture
def place(tmp_path):
    state = StateDirectory(tmp_path / "state")
    state.lock(START)
    place = Place(state)
    yield place
    for ledger in place.opened:
        ledger.close()
    state.unlock()


@pytest.fixture
def ledger(tmp_path):
    with SqliteLedger.create(
        tmp_path / "ledger.db", cluster="east", marker=Marker("m", START)
    ) as ledger:
        yield ledger


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairing, "REPAIR_SECONDS", 0.01)


@pytest_asyncio.fixture
async def fake(impatient: None) -> AsyncIterator[FakeApiServer]:  # noqa: ARG001
    async with FakeApiServer(LEDGERS) as running:
        running.add_namespace(SPACE)
        yield running


@pytest_asyncio.fixture
async def leader(fake: FakeApiServer) -> AsyncIterator[Replica]:
    async with replica(fake) as one:
        await one.ledger.begin(FIRST)
        yield one


@pytest_asyncio.fixture
async def follower(leader: Replica) -> AsyncIterator[Replica]:
    async with replica(leader.fake, repairs=False) as one:
        one.may_write = False
        yield one
