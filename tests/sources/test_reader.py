"""A process that reads files says what reading them here would say."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from globaldns.sources.reader import (
    Job,
    decode_readings,
    encode_job,
    encode_readings,
    frame,
    read_job,
    serve,
)
from tests.sources.manifests import entry

NOW = 1_800_000_000
TEXTS = {
    "good.yaml": entry("a") + entry("b"),
    "broken.yaml": "kind: [unclosed\n",
    "misshapen.yaml": entry("c").replace("number: 80", "number: eighty"),
    "repeated.yaml": entry("d") + entry("d"),
    "empty.yaml": "",
    "other.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
}


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    return Job(str(tmp_path), [*sorted(TEXTS), "missing.yaml"], "east", NOW)


def test_readings_come_through_as_they_were(job: Job) -> None:
    readings = read_job(job)
    assert decode_readings(encode_readings(readings)) == readings


def test_the_process_answers_jobs_in_their_order_until_there_are_no_more(job: Job) -> None:
    jobs = [Job(job.root, [path], job.cluster, job.now) for path in job.paths]
    requests, replies = io.BytesIO(), io.BytesIO()
    for one in jobs:
        requests.write(frame(encode_job(one)))
    requests.seek(0)
    serve(requests, replies)
    replies.seek(0)
    for one in jobs:
        payload = replies.read(int.from_bytes(replies.read(4)))
        assert decode_readings(payload) == read_job(one)
    assert replies.read() == b""
