"""A process that reads files says what reading them here would say."""

from __future__ import annotations

import io

from globaldns.sources.reader import (
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
