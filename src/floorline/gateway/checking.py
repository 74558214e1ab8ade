"""What looks at a stage's answer: gates that it passes or not, then what grades it. Models are asked by calls of the gateway's own."""

import asyncio
from urllib.parse import urlsplit

import msgspec

from floorline.evals.sameness import SAME, same_answer
from floorline.evals.scorers import read_score, score
from floorline.gateway.again import WHOLE, again
from floorline.gateway.attempts import Answered
from floorline.gateway.errand import Ask
from floorline.gateway.hearing import Heard
from floorline.gateway.judging import graded
from floorline.gateway.policy import Provider, Timeouts
from floorline.gateway.relay import is_stream
from floorline.gateway.semantic.saying import Told, said
from floorline.gateway.underway import UnderWay
from floorline.gateway.upstream import Attempt, Origin, Pool, UpstreamBroken
from floorline.gateway.watching import said as texts
from floorline.gateway.weighed import Graded
from floorline.guardrails.cascade.rule import GATED, NAME, PASSED, Agreement, CascadeRule, Grader, Service
from floorline.money import ZERO

SCORE_BYTES_MAX = 64 << 10


class Checking:
    """Looks at the answers of one gateway's stages, and keeps the connections to services that grade."""

    def __init__(self) -> None:
        self._pools: dict[Service, Pool] = {}

    async def grade(self, rule: CascadeRule, model: str, text: str, call: UnderWay, ask: Ask) -> Graded:
        """What the answer `text` of the stage `model` is graded."""
        if not text:
            return Graded(grade=None, reason="it has no text to look at")
        for gate in rule.gates:
            found = score(gate, text)
            if found.right is not True:
                return Graded(grade=GATED, reason=found.reason)
        try:
            async with asyncio.timeout(rule.time_ms / 1_000):
                return await self._weighed(rule, model, text, call, ask)
        except TimeoutError:
            return Graded(grade=None, reason=f"looking at it took longer than {rule.time_ms} ms")

    async def _weighed(self, rule: CascadeRule, model: str, text: str, call: UnderWay, ask: Ask) -> Graded:
        match rule.weight:
            case None:
                return Graded(grade=PASSED)
            case Grader(model=judge):
                grade, cost = await graded(question_of(call), text, judge, call, ask, NAME)
                return Graded(grade=grade, reason="" if grade is not None else f"{judge} gave no grade", cost=cost)
            case Agreement(samples=samples):
                return await _agreement(samples, model, text, call, ask)
            case Service():
                return await self._served(rule.weight, text, call)

    async def _served(self, service: Service, text: str, call: UnderWay) -> Graded:
        """What a service of the user's own grades the answer."""
        document = msgspec.json.encode(
            {"question": question_of(call), "answer": text, "feature": call.attribution.feature, "call": call.id}
        )
        try:
            body = await self._posted(service, document)
            found = read_score(body)
        except (UpstreamBroken, ValueError) as error:
            return Graded(grade=None, reason=f"the service that grades: {error}"[:300])
        grade = found.value if found.value is not None or found.right is None else float(found.right)
        return Graded(grade=grade, reason=found.reason)

    async def _posted(self, service: Service, document: bytes) -> bytes:
        """The answer to a document. UpstreamBroken or ValueError where there is none."""
        times = Timeouts(connect_ms=service.time_ms, first_byte_ms=service.time_ms, total_ms=service.time_ms)
        pool = self._pools.get(service)
        if pool is None:
            at = Provider(name=NAME, dialect="openai", base_url=service.url, timeouts=times)
            pool = self._pools[service] = Pool(Origin.of(at))
        lines = b"host: %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n" % (
            pool.origin.authority.encode(),
            len(document),
        )
        attempt = await _sent(pool, pool.origin.head(b"POST", target_of(service.url), lines), document)
        body = await attempt.whole(SCORE_BYTES_MAX)
        if attempt.status != 200 or body is None:
            attempt.abort()
            raise ValueError(f"it answered {attempt.status}")
        return body

    def close(self) -> None:
        """Give the connections up."""
        for pool in self._pools.values():
            pool.close()


async def _sent(pool: Pool, head: bytes, body: bytes) -> Attempt:
    """The attempt with its head. A kept connection that was closed as it was taken is replaced once."""
    for fresh in (False, True):
        attempt = (await pool.link(fresh=fresh)).send(head, body)
        try:
            await attempt.head()
        except UpstreamBroken:
            if fresh or not attempt.stale:
                raise
        else:
            return attempt
    raise AssertionError("a fresh connection is not a kept one")


async def _agreement(samples: int, model: str, text: str, call: UnderWay, ask: Ask) -> Graded:
    """The share of further answers of the stage that say the same."""
    request = again(call, model, step=NAME)
    if request is None:
        return Graded(grade=None, reason="its request asks for several answers")
    heard = await asyncio.gather(*[ask(call, request.body, request.errand) for _ in range(samples)])
    same = sum([same_answer(text, text_of(call, one)) in SAME for one in heard])
    return Graded(grade=same / samples, cost=sum([one.cost for one in heard], ZERO))


def told_by(call: UnderWay, answered: Answered, body: bytes | None) -> Told:
    """An attempt's answer with these readable bytes."""
    return Told(
        dialect=answered.one.provider.dialect,
        endpoint=answered.endpoint,
        content_type=dict(answered.attempt.headers).get(b"content-type", b"").decode("latin-1"),
        streamed=is_stream(call, answered),
        body=body,
    )


def text_of(call: UnderWay, heard: Heard) -> str:
    """What an answer to the call's request says, asked once more for a whole one; '' where it is no text alone."""
    if heard.status != 200 or heard.broken:
        return ""
    kind = heard.headers.get(b"content-type", b"").decode("latin-1")
    endpoint = WHOLE.get(call.route.endpoint, call.route.endpoint)
    told = Told(dialect=call.route.dialect, endpoint=endpoint, content_type=kind, streamed=False, body=heard.body)
    return said(told) or ""


def question_of(call: UnderWay) -> str:
    """What the call asks, as judges are told it."""
    return texts(call.request.body)


def target_of(url: str) -> bytes:
    """The path and query of an address, as a request names it."""
    parts = urlsplit(url)
    return ((parts.path or "/") + (f"?{parts.query}" if parts.query else "")).encode()
