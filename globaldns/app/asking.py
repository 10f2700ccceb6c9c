"""The ways of pods' questions, asked: who answers each."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable

from globaldns.coredns.stub import Stub
from globaldns.dns.codes import Rrtype
from globaldns.dns.message import Message, decode_message
from globaldns.errors import ServerError
from globaldns.probes.message import encode_question
from globaldns.probes.resolver import ROUNDS, TRY_SECONDS, exchange
from globaldns.stubs.verification import (
    Outcome,
    QueryPath,
    Question,
    Reply,
    Verdict,
    judge,
    questions,
)

AGAIN_SECONDS = 2.0
"""Between two rounds of questions, while there is time for it to become right."""


async def ask_paths(
    stub: Stub, paths: Iterable[QueryPath], *, cluster: str, wait: float = 0.0
) -> tuple[Verdict, ...]:
    """Ask for all that is sent to us; again until it is right, or late; ``wait`` is in seconds."""
    to_ask = questions(stub, cluster)
    asked = [(question, path) for path in paths for question in to_ask]
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait
    while True:
        verdicts = tuple(await asyncio.gather(*(_ask(*pair) for pair in asked)))
        if all(one.is_ok for one in verdicts) or clock() >= deadline:
            return verdicts
        await asyncio.sleep(AGAIN_SECONDS)


async def find_alive(verdicts: Iterable[Verdict], control: str) -> frozenset[str]:
    """Return the addresses, of those that were silent, that answer for another name at all."""
    silent = {one.path for one in verdicts if one.outcome is Outcome.SILENT}
    question = Question(control, "")
    answers = await asyncio.gather(*(_ask(question, path) for path in silent))
    return frozenset(str(one.path) for one in answers if one.outcome is not Outcome.SILENT)


async def _ask(question: Question, path: QueryPath) -> Verdict:
    failure = ""
    for _ in range(ROUNDS):
        try:
            async with asyncio.timeout(TRY_SECONDS):
                return judge(question, path, await _fetch(question, path))
        except TimeoutError:
            failure = f"no answer within {TRY_SECONDS:g} s"
        except OSError as error:
            failure = f"no answer: {(error.strerror or str(error)).lower()}"
        except ServerError as error:
            failure = str(error)
    return judge(question, path, None, failure)


async def _fetch(question: Question, path: QueryPath) -> Reply:
    asked = encode_question(question.name, Rrtype.TXT, secrets.randbelow(1 << 16))
    return _reply(decode_message(await exchange(asked, (path.address, path.port))))


def _reply(message: Message) -> Reply:
    texts = (record.data.strip('"') for record in message.answer if record.type == "TXT")
    soas = (record.data for record in message.authority if record.type == "SOA")
    return Reply(message.rcode, tuple(texts), next(soas, ""))
