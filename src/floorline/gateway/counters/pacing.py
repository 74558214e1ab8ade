"""Rates as one process counts them: what each caller sent within the last minute."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from floorline.gateway.counters.tally import Hold
from floorline.guardrails.budget import Unit, holder
from floorline.guardrails.frame import Amounts, Denial, Standing
from floorline.guardrails.rate import PERIOD_S, Paced, Rate

CALLERS_MAX = 65_536
"""Callers whose minute is remembered; those that sent nothing lately are forgotten first."""


class Pace:
    """One rate of one caller."""

    __slots__ = ("holder", "rate", "requests", "tokens")

    def __init__(self, rate: Rate, holder_: str) -> None:
        self.rate, self.holder = rate, holder_
        self.requests, self.tokens = Paced(), Paced()


class Pacing:
    """The rates of one gateway."""

    def __init__(self) -> None:
        self._rates: Sequence[Rate] = ()
        self._paces: dict[tuple[str, str], Pace] = {}

    def follow(self, rates: Sequence[Rate]) -> None:
        """From now on these hold; what was counted stays."""
        self._rates = tuple(rates)
        known = {rate.id for rate in rates}
        self._paces = {key: pace for key, pace in self._paces.items() if key[0] in known}

    def admit(self, hold: Hold) -> Denial | None:
        """Count the call in each rate that holds for it, or in none: then, which one denies it."""
        if not self._rates:
            return None
        facts = hold.facts
        second = int(facts.at.timestamp())
        paces = self._of(hold)
        for pace in paces:
            rate = pace.rate
            if rate.requests is not None and (wait_s := pace.requests.wait_s(second, 1, rate.requests)):
                return paced_denial(
                    rate.name, pace.holder, "calls", rate.requests, pace.requests.total, wait_s, facts.at
                )
            if rate.tokens is not None and (wait_s := pace.tokens.wait_s(second, facts.input_tokens, rate.tokens)):
                return paced_denial(rate.name, pace.holder, "tokens", rate.tokens, pace.tokens.total, wait_s, facts.at)
        for pace in paces:
            pace.requests.add(second, 1)
            pace.tokens.add(second, facts.input_tokens)
        hold.paces = paces
        return None

    def _of(self, hold: Hold) -> list[Pace]:
        found: list[Pace] = []
        for rate in self._rates:
            whose = holder(rate.scope, hold.facts)
            if whose is None:
                continue
            pace = self._paces.get((rate.id, whose))
            if pace is None:
                self._make_room(int(hold.facts.at.timestamp()))
                pace = self._paces[rate.id, whose] = Pace(rate, whose)
            pace.rate = rate
            found.append(pace)
        return found

    def _make_room(self, second: int) -> None:
        if len(self._paces) < CALLERS_MAX:
            return
        for pace in self._paces.values():
            pace.requests.forget(second)
        self._paces = {key: pace for key, pace in self._paces.items() if pace.requests.total}

    def settle(self, hold: Hold, spent: Amounts | None) -> None:
        """The call's tokens are known: the estimate that it was admitted with is made good, in the second of its opening."""
        if not hold.paces or spent is None or spent.tokens is None:
            return
        second, more = int(hold.facts.at.timestamp()), spent.tokens - hold.facts.input_tokens
        for pace in hold.paces:
            if second in pace.tokens.seconds:
                pace.tokens.add(second, more)


def paced_denial(name: str, whose: str, unit: Unit, limit: int, used: int, wait_s: int, at: datetime) -> Denial:
    """Why a rate does not admit a call: `used` came within the last minute, and it fits again after `wait_s`."""
    return Denial(
        standing=Standing(
            name=name,
            holder=whose,
            window=f"{PERIOD_S}s",
            unit=unit,
            limit=Decimal(limit),
            used=Decimal(used),
            reserved=Decimal(0),
            resets_at=(at + timedelta(seconds=wait_s)).astimezone(UTC),
        ),
        asked=Decimal(1),
        retry_after_s=wait_s,
    )
