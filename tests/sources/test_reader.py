"""A process that reads files says what reading them here would say."""

from __future__ import annotations

import fcntl
import io
import os

import pytest

from globaldns.sources.manifest import Manifest
from globaldns.sources.reader import (
    PIPE_OCTETS,
    Job,
    decode_readings,
    encode_job,
    encode_readings,
    frame,
    read_job,
    serve,
)


def test_readings_come_through_as_they_were(job: Job) -> None:
    readings = read_job(job)
    assert decode_readings(encode_readings(readings)) == readings


def test_each_entry_is_asked_whether_istio_would_refuse_it(job: Job) -> None:
    readings = [one for one in read_job(job) if isinstance(one, Manifest)]
    invalid = {one.path for one in readings if not one.is_valid}
    assert (len(readings), invalid) == (6, {"invalid.yaml"})


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


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="Linux has pipes of other sizes")
def test_the_process_need_not_wait_until_its_reply_is_read() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb"), open(writing, "wb") as replies:  # noqa: PTH123 (descriptors)
        serve(io.BytesIO(), replies)
        assert fcntl.fcntl(replies, fcntl.F_GETPIPE_SZ) >= PIPE_OCTETS
