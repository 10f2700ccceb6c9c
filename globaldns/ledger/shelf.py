"""What is known of a ledger's objects: as they stand on the server, and as they ought to. Pure.

What is known of a shard is the union of all that was seen of it: an object that has lost claims
which never ended (etcd restored, a namespace deleted, a hand that slipped) is broken, and to be
written again. Where nothing but ended claims is missing, somebody has forgotten old history; and
what we claimed for another cluster is missing once our copy of that cluster's own ledger says it. A
copy that somebody else has changed is torn, and to be made again from what its cluster says.

After etcd was restored versions begin again. So a list is believed, whatever versions it shows; but
not of objects that we have written or read while it was under way, for it may show what was before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf

import msgspec

from globaldns.errors import LedgerError
from globaldns.ledger.markers import FIRST_NAME, choose_marker, newest
from globaldns.ledger.objects import ROLES_OF_CLAIMS, Held, Stranger
from globaldns.ledger.remarks import OF_ANOTHER, Remark
from globaldns.ledger.shards import ShardId, by_shard, format_shard, lost, read_text
from globaldns.model.claim import Claim, ClaimKey, Marker, unite
from globaldns.model.view import ClaimSet, missing
from globaldns.objects.own import LedgerRole


class ShardChange(msgspec.Struct, frozen=True):
    """What is to become of a shard."""

    added: tuple[Claim, ...] = ()
    dropped: frozenset[ClaimKey] = frozenset()
    is_end: bool = False
    """Whether the marker that stands in it goes with its last claim."""


class News(msgspec.Struct, frozen=True):
    """What somebody else has written, and what somebody else has forgotten."""

    new: tuple[Claim, ...] = ()
    gone: tuple[Claim, ...] = ()


_NO_NEWS = News()
_OLDEST = "1"  # no object has it: etcd gives it to itself


class Shelf:
    """The objects of one ledger."""

    def __init__(self, latest: Callable[[], float] = lambda: inf) -> None:
        """Know nothing; ``latest`` returns when a ledger can have been begun at the latest."""
        self._latest = latest
        self.marker: Marker | None = None
        """Which ledger it is; None: there is none, or it is not known yet."""
        self._markers: dict[str, Marker] = {}
        """What the first whole list shows of that, by object's name."""
        self.broken: set[str] = set()
        """Objects that lack claims, by name."""
        self.torn: set[str] = set()
        """Clusters whose copies may not say what they say: others have written or deleted there."""
        self.is_listed = False
        self._held: dict[str, Held] = {}
        """Objects by name, as they were seen last; without a version those that were lost."""
        self._expected: dict[str, str] = {}
        """What we are writing now, by name."""
        self._known: dict[str, str] = {}
        """By name of an object, the text of all that the registry knows to be written in it."""
        self._unreadable: dict[str, LedgerError] = {}
        """Objects that cannot be read, and of which nothing is known: nobody may write them."""
        self._strangers: dict[str, LedgerError] = {}
        """Objects of others in the place of ours: nobody may write there."""
        self._deleted: dict[str, int] = {}
        """Objects that we have deleted, by the age of what we deleted, until that is seen."""
        self._shown: set[str] = set()
        """What the list has shown that is under way."""
        self._touched: set[str] = set()
        """What we have written or read since that list began."""

    @property
    def names(self) -> frozenset[str]:
        """The names of all objects that are there."""
        return frozenset(name for name, held in self._held.items() if held.version)

    @property
    def all_names(self) -> frozenset[str]:
        """The names of all objects that are there, and of strangers."""
        return self.names | self._strangers.keys()

    def of_another_ledger(self) -> list[Held]:
        """Return our objects that say that they are of another ledger than this one."""
        return [held for held in self._held.values() if self._is_of_another_ledger(held)]

    @property
    def clusters(self) -> frozenset[str]:
        """The clusters that anything in it is about."""
        return frozenset(held.id.cluster for held in self._held.values() if held.text)

    def get(self, shard: ShardId) -> Held | None:
        """Return an object as it was seen last; None: it is not there."""
        held = self._held.get(shard.name)
        return held if held is not None and held.version else None

    def shards(self, role: LedgerRole, cluster: str) -> list[ShardId]:
        """Return what there is of a role for a cluster."""
        held = (self._held[name].id for name in self.names)
        return [shard for shard in held if (shard.role, shard.cluster) == (role, cluster)]

    def read(self, shards: Iterable[ShardId]) -> list[Claim]:
        """Return all claims of objects."""
        held = (self._held[shard.name] for shard in shards)
        return [claim for one in held for claim in read_text(one.text, one.name)]

    def put(self, held: Held) -> None:
        """Take in an object as we wrote it."""
        self._touched.add(held.name)
        self._deleted.pop(held.name, None)
        self._held[held.name] = held
        self._note_marker(held)

    def drop(self, name: str) -> None:
        """Take note that we have deleted an object, or that it never was."""
        held = self._held.pop(name, None)
        if held is not None and held.age:
            self._deleted[name] = held.age
        self._touched.add(name)
        self._known.pop(name, None)
        self.broken.discard(name)

    def expect(self, name: str, text: str) -> None:
        """Take note that we are writing a text: whoever has it written is told, and nobody else."""
        self._expected[name] = text

    def expect_no_more(self, name: str) -> None:
        """Take note that an object is written, or that it is not known whether it is."""
        self._expected.pop(name, None)

    def begin_list(self) -> None:
        """Have all that there is seen from now on."""
        self._shown, self._touched = set(), set()
        self._markers.clear()

    def end_list(self) -> News:
        """Take note that all that there is was seen; return what is gone."""
        self._deleted.clear()
        for refused in (self._unreadable, self._strangers):
            for name in refused.keys() - self._shown - self._touched:
                del refused[name]
        lost = (self.lose(name) for name in self.names - self._shown - self._touched)
        return News(gone=tuple(claim for news in list(lost) for claim in news.gone))

    def see_stranger(self, name: str, reason: str, *, is_listing: bool = False) -> News:
        """Take note that another's object stands in the place of ours; return what that forgets."""
        (self._shown if is_listing else self._touched).add(name)
        news = self.lose(name)
        self._strangers[name] = LedgerError(f"VIPLedger {name} {reason}", hint="delete it")
        return news

    def remark(self, found: Held | Stranger) -> Remark | None:
        """Return what is odd about an object; None: nothing."""
        if isinstance(found, Held) and self._is_of_another_ledger(found):
            return OF_ANOTHER
        return found.remark

    def _is_of_another_ledger(self, held: Held) -> bool:
        return held.id.role in ROLES_OF_CLAIMS and self.is_listed and self._is_foreign(held)

    def see(self, held: Held, *, is_listing: bool = False) -> News:
        """Take in an object as it is, unless a newer version of it is known; return what is new.

        Raises:
            LedgerError: it cannot be read; what is known of it is to be written again.
        """
        name = held.name
        if is_listing:
            self._shown.add(name)
        if self.is_outdated(held) and (not is_listing or name in self._touched):
            return _NO_NEWS
        if not is_listing:
            self._touched.add(name)
        self._strangers.pop(name, None)
        self._note_marker(held)
        if self._says_what_is_known(held):
            self._held[name] = held
            self._deleted.pop(name, None)
            return _NO_NEWS
        if held.id.role not in ROLES_OF_CLAIMS and self._is_news(held):
            self.torn.add(held.id.cluster)
        try:
            said = read_text(held.text, name)
        except LedgerError as error:
            self._mistrust(held, error)
            raise
        self._unreadable.pop(name, None)
        self._deleted.pop(name, None)
        self._held[name] = held
        if self.is_listed and held.id.role in ROLES_OF_CLAIMS:
            return self._compare_known(held, said)
        return _NO_NEWS

    def _says_what_is_known(self, held: Held) -> bool:
        """Whether an object is as we wrote it, or are writing it: most are, and cost little."""
        name = held.name
        is_known = held.text in (self._known.get(name), self._expected.get(name))
        is_sound = name not in self._unreadable and name not in self.broken
        return self.is_listed and is_known and is_sound and held.marker == self.marker

    def _is_news(self, held: Held) -> bool:
        """Whether an object is not as it was seen last, and not as we are writing it."""
        former = self._held.get(held.name)
        stood = None if former is None else (former.text, former.marker)
        is_ours = held.text == self._expected.get(held.name)
        return self.is_listed and not is_ours and (held.text, held.marker) != stood

    def lose(self, name: str) -> News:
        """Take note that an object is gone, which we have not deleted; return what that forgets."""
        self._unreadable.pop(name, None)
        self._strangers.pop(name, None)
        self._deleted.pop(name, None)
        held, news = self._held.pop(name, None), _NO_NEWS
        if held is None or not self.is_listed:
            return news
        if held.id.role not in ROLES_OF_CLAIMS:
            self.torn.add(held.id.cluster)
            return news
        lost = self._held[name] = msgspec.structs.replace(held, text="", version="")
        news = self._compare_known(lost, ())
        if _keeps_marker(held.id):
            self.broken.add(name)
        elif not self._known.get(name):
            self.broken.discard(name)
            del self._held[name]
        return news

    def distrust_versions(self) -> None:
        """Take note that versions have begun again: any is as new as what we know, or newer."""
        for name, held in self._held.items():
            if held.version:
                self._held[name] = msgspec.structs.replace(held, version=_OLDEST)
        self._deleted.clear()

    def is_outdated(self, held: Held) -> bool:
        """Whether a newer version of an object is known."""
        known = self._held.get(held.name)
        if known is None:
            return held.age <= self._deleted.get(held.name, -1)
        return held.age < known.age

    def read_all(self) -> tuple[list[Claim], dict[str, ClaimSet]]:
        """Return all that is written after the first whole list: claims, and copies by cluster."""
        claims: list[Claim] = []
        copies: dict[str, ClaimSet] = {}
        self.marker = self.marker or choose_marker(self._markers, self._latest())
        for held in self._held.values():
            found, shard = read_text(held.text, held.name), held.id
            if shard.role in ROLES_OF_CLAIMS:
                self._known[held.name] = held.text
                claims += found
                if self._is_foreign(held):
                    self.broken.add(held.name)
            else:
                copies[shard.cluster] = _with_shard(copies.get(shard.cluster), held, found)
        self.is_listed = True
        return claims, {cluster: copy for cluster, copy in copies.items() if copy.marker}

    def learn(self, name: str, added: Iterable[Claim], dropped: Iterable[ClaimKey] = ()) -> None:
        """Note what the registry knows to be written in an object."""
        known = unite(read_text(self._known.get(name, ""), name), added)
        for claim in dropped:
            known.pop(claim, None)
        self._known[name] = format_shard(known.values(), name)

    def find(self, name: str) -> ShardId | None:
        """Return which shard an object is, seen or lost; None: nothing is known of it."""
        held = self._held.get(name)
        return None if held is None else held.id

    def merge(self, shard: ShardId, change: ShardChange) -> str | None:
        """Return the text of an object once it is changed; None: it is to be no more.

        Raises:
            LedgerError: it would be too long, or nobody knows what stands in it.
        """
        if refused := self._unreadable.get(shard.name) or self._strangers.get(shard.name):
            raise LedgerError(str(refused), hint=refused.hint)
        held, known = self._held.get(shard.name), ""
        said = read_text(held.text, held.name) if held is not None else ()
        if shard.role in ROLES_OF_CLAIMS:
            known = self._known.get(shard.name, "")
        united = unite(said, read_text(known, shard.name))
        for claim in change.dropped:
            united.pop(claim, None)
        text = format_shard(unite(united.values(), change.added).values(), shard.name)
        stays = _keeps_marker(shard) and not change.is_end
        return text if text or stays else None

    def _note_marker(self, held: Held) -> None:
        """Take note which ledger an object is of: the first says it of all, the others do not."""
        if held.id.role is not LedgerRole.OWN:
            return
        if not self.is_listed:
            self._markers[held.name] = held.marker
        elif self.marker is None:
            self.marker = held.marker
        elif held.name == FIRST_NAME and held.marker.created <= self._latest():
            self.marker = newest((self.marker, held.marker))

    def _mistrust(self, held: Held, error: LedgerError) -> None:
        """Have an object written anew that cannot be read, where it is known what it is to say.

        A copy is: its cluster says so.
        """
        is_ours = held.id.role in ROLES_OF_CLAIMS
        if is_ours and held.name not in self._known:
            self._unreadable[held.name] = error
            self._held.pop(held.name, None)
            return
        self._held[held.name] = msgspec.structs.replace(held, text="")
        if is_ours:
            self.broken.add(held.name)

    def _compare_known(self, held: Held, said: Sequence[Claim]) -> News:
        """Return what is new in an object, and gone; whether it lacks anything is noted."""
        name, news, is_broken = held.name, _NO_NEWS, self._is_foreign(held)
        known = read_text(self._known.get(name, ""), name)
        if known != said:
            mine, there, elsewhere = unite(known), unite(said), self._copied(held.id)
            new = [claim for claim in there.values() if _adds(claim, mine)]
            lacking = any(claim.key not in elsewhere for claim in lost(known, said))
            worse = any(claim.key in there and _adds(claim, there) for claim in known)
            missing = [claim for claim in known if claim.key not in there]
            gone = () if lacking else tuple(claim for claim in missing if claim.is_retired)
            self.learn(
                name, new, [c.key for c in (*gone, *missing) if c in gone or c.key in elsewhere]
            )
            news = News(tuple(sorted(new)), gone)
            is_broken = is_broken or lacking or worse
        (self.broken.add if is_broken else self.broken.discard)(name)
        return news

    def _is_foreign(self, held: Held) -> bool:
        """Whether an object is of a ledger that was before this one."""
        return self.marker is not None and held.marker != self.marker

    def _copied(self, shard: ShardId) -> frozenset[ClaimKey]:
        """Return what a cluster says itself for which we made claims."""
        if shard.role is not LedgerRole.DEPUTY:
            return frozenset()
        copy = self._held.get(ShardId(LedgerRole.COPY, shard.cluster, shard.number).name)
        return (
            frozenset(unite(read_text(copy.text, copy.name))) if copy is not None else frozenset()
        )


def _keeps_marker(shard: ShardId) -> bool:
    """Whether an object stays though nothing is in it: it says that there is a ledger."""
    return shard.number == 0 and shard.role in (LedgerRole.OWN, LedgerRole.COPY)


def _adds(claim: Claim, united: Mapping[ClaimKey, Claim]) -> bool:
    """Whether a union is another with a claim."""
    known = united.get(claim.key)
    return known is None or known.merge(claim) != known


def _with_shard(copy: ClaimSet | None, held: Held, found: tuple[Claim, ...]) -> ClaimSet:
    """Return a copy with what one more of its objects says, if that is of the same ledger."""
    copy = copy or ClaimSet()
    if held.id.role is LedgerRole.FORMER:
        return msgspec.structs.replace(copy, former=(*copy.former, *found))
    if copy.marker is not None and copy.marker != held.marker:
        if newest((copy.marker, held.marker)) == copy.marker:
            return copy
        copy = ClaimSet(former=copy.former)
    return msgspec.structs.replace(copy, marker=held.marker, claims=(*copy.claims, *found))


def dropping(claims: Iterable[Claim]) -> ShardChange:
    """Return the change that forgets claims."""
    return ShardChange(dropped=frozenset(claim.key for claim in claims))


def compare_copies(
    role: LedgerRole, before: tuple[Claim, ...], now: tuple[Claim, ...], *, is_other: bool
) -> dict[ShardId, ShardChange]:
    """Return what is to be changed where a copy says one thing and is to say another.

    ``is_other``: it is to be another ledger's, so that every object is.
    """
    added = by_shard(role, now if is_other else missing(now, before))
    gone = by_shard(role, missing(before, now))
    return {
        shard: ShardChange(
            tuple(added.get(shard, ())),
            frozenset(claim.key for claim in gone.get(shard, ())),
        )
        for shard in added.keys() | gone.keys()
    }
