"""The law of unread sources, for a directory whose files break while zones and processes change."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from globaldns.model.host import split_zone
from globaldns.sources.remembered import decode_view, encode_view
from tests.sources.manifests import GRACE, at, entry, refused, serving

ZONES = {"keep": ("global",), "a": ("mesh",), "b": ("global", "mesh")}
"""In which zones each entry has a host."""

names = st.sampled_from(("a", "b"))
some_zones = st.sampled_from((("global",), ("mesh",), ("global", "mesh")))


class Directory(RuleBasedStateMachine):
    """A file for each entry; what was read of each last is what it may still say."""

    def __init__(self) -> None:
        super().__init__()
        self.place = TemporaryDirectory()
        self.root = Path(self.place.name) / "east"
        self.root.mkdir()
        self.now = 0.0
        self.edits = 0
        self.zones: tuple[str, ...] = ("global",)
        self.written: dict[str, tuple[str, ...]] = {}
        """The hosts of every file that can be taken as it is."""
        self.said: dict[str, tuple[str, ...]] = {}
        """The hosts of every entry as it was taken last."""
        for name in ZONES:
            self.write(name)
        self.source = serving(self.root, None, *self.zones)
        self.read()

    def teardown(self) -> None:
        self.place.cleanup()

    def put(self, name: str, text: str) -> None:
        path = self.root / f"{name}.yaml"
        path.write_text(text)
        self.edits += 1
        os.utime(path, (self.edits, self.edits))

    @rule(name=names)
    def write(self, name: str) -> None:
        self.written[name] = tuple(f"{name}.ns.{zone}" for zone in ZONES[name])
        hosts = ", ".join(self.written[name])
        self.put(name, entry(name).replace(f"{name}.ns.global", hosts))

    @rule(name=names, is_refused=st.booleans())
    def spoil(self, name: str, *, is_refused: bool) -> None:
        self.read()
        self.written.pop(name, None)
        self.put(name, refused(name) if is_refused else "x: [")

    @rule(name=names)
    def remove(self, name: str) -> None:
        self.written.pop(name, None)
        self.said.pop(name, None)
        (self.root / f"{name}.yaml").unlink(missing_ok=True)

    @rule()
    def read(self) -> None:
        self.now += GRACE / 2
        self.source.read_once(at(self.now))
        self.said.update(self.written)
        if {path.stem for path in self.root.iterdir()} == {*self.written}:
            assert self.source.freshness.is_known_in(self.zones)

    @rule()
    def fall_silent(self) -> None:
        away = self.root.rename(self.root.with_name("away"))
        self.source.read_once(at(self.now))
        away.rename(self.root)

    @rule(zones=some_zones, is_restart=st.booleans(), is_read=st.booleans())
    def serve(self, zones: tuple[str, ...], *, is_restart: bool, is_read: bool) -> None:
        """Serve other zones, at once or in another process."""
        view = self.source.view()
        if is_restart:
            view = decode_view(encode_view(view, view.exports), "east")
        self.zones = zones
        self.source = serving(self.root, view, *zones)
        if is_read:
            self.read()

    @invariant()
    def no_name_is_absent_that_an_unread_file_may_have(self) -> None:
        if not self.source.freshness.is_known_in(self.zones):
            return
        exports = {export.host: export for export in self.source.view().exports}
        for name in (name for names in self.said.values() for name in names):
            if found := split_zone(name, self.zones):
                host, zone = found
                assert host in exports, name
                assert zone in (exports[host].zones or self.zones), name


TestLaws = Directory.TestCase
TestLaws.settings = profile(
    max_examples=300,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
