from __future__ import annotations

from xml.etree import ElementTree as ET

from tests.bench import picture

SPACE = "{http://www.w3.org/2000/svg}"
BARS = [
    picture.Bar("globaldns", 2.0, 4.0, is_ours=True),
    picture.Bar("A & B", 1.0, 2.0, is_ours=False),
]


def drawn() -> ET.Element:
    return ET.fromstring(picture.draw("title", "a <footer>", {"hot": BARS}))


def test_bars_are_as_long_as_what_they_show() -> None:
    parts = drawn().findall(f"{SPACE}rect")[3:]
    widths = [float(part.attrib["width"]) for part in parts]
    assert widths == [picture.WIDTH / 3, picture.WIDTH * 2 / 3, 80.0, 160.0]


def test_texts_stand_as_they_are() -> None:
    texts = {text.text for text in drawn().iter(f"{SPACE}text")}
    assert {"title", "a <footer>", "hot", "A & B", "6.0", "3.0"} <= texts


def test_nothing_measured_is_a_picture_too() -> None:
    ET.fromstring(picture.draw("title", "", {"hot": []}))
