"""Fallback drills on this machine: where a call may go by the configuration, what is kept of it, and the gateway that is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from floorline.config import Config
from floorline.errors import BadInput
from floorline.gateway.attribution import Attribution
from floorline.gateway.places import Places
from floorline.gateway.trying import PATHS
from floorline.gateway.wire.routes import route
from floorline.jobs.drill_calls import DrillCalls, again
from floorline.jobs.drilling import DRILL, Drillable, Drilled, Place, Replayed, Report, drill
from floorline.ledger.content import ContentStore
from floorline.ledger.key import Key
from floorline.ledger.shelf import Shelf
from floorline.ledger.state import Audited, State
from floorline.ledger.surface import AnyLedger
from floorline.wiring import open_content

ACTION = "route.drill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The calls of this home, their content, and the gateway."""

    places: Places
    key: Key
    content: ContentStore
    calls: DrillCalls

    def targets(self, call: Drillable) -> Sequence[Place]:
        """Where the call may go by everything that binds its customer and feature, the first choice first."""
        policy = self.places.policy
        path = PATHS.get(call.dialect, "").format(model=call.model)
        where = route("POST", path, {}, policy.providers) if path else None
        if where is None:
            return ()
        whose = Attribution(customer=call.customer, feature=call.feature)
        targets = sorted(self.places.of(where, call.model, whose, self.key).targets, key=lambda one: one.tier)
        return [Place(provider=one.provider, model=one.model or call.model) for one in targets]

    def request(self, call: Drillable) -> bytes | None:
        """What it asked, where that is kept whole."""
        kept = self.content.find(call.id)
        return None if kept is None or kept.cut else again(call, kept.request)

    def send(self, call: Drillable, request: bytes, target: Place) -> Replayed:
        """The same asked of one target alone."""
        return self.calls.send(call, request, target)


def drillable(config: Config) -> list[str]:
    """The models that have a fallback."""
    return [name for name, group in config.gateway.models.items() if len(group.targets) > 1]


def kept(config: Config, gateway: str, key: str, at: datetime) -> Kept:
    """What a drill works with. BadInput as `open_content`, and without a key."""
    if not key:
        raise BadInput(
            "a drill calls the gateway with a virtual key, and none is set: make one with `floorline keys create`"
        )
    nobody = Key(id="", name=DRILL, digest=b"", created_at=at)
    return Kept(
        places=Places(config.gateway),
        key=nobody,
        content=open_content(),
        calls=DrillCalls(base=gateway, key=key),
    )


def run_job(config: Config, ledger: AnyLedger, now: datetime) -> str:
    """Drill every fallback as the configuration says, and keep what it showed."""
    settings, models = config.drills, drillable(config)
    assert settings is not None, "the job is there where drills are configured"
    if not models:
        return "no model has more than one target: there is no fallback to drill"
    asked = kept(config, settings.gateway, settings.key, now)
    audit(ledger.state, "control", models, "on schedule", now)
    report = drill(ledger, asked, models, now, calls=settings.calls, usd_max=settings.usd_max)
    keep(ledger.state, report, now)
    return report.sentence


def audit(state: State, actor: str, models: Sequence[str], reason: str, at: datetime) -> None:
    """In the audit before any prompt is read."""
    state.audit(Audited(at=at, actor=actor, action=ACTION, subject=", ".join(models), detail=reason))


def keep(state: State, report: Report, at: datetime) -> None:
    """The last drill of each fallback."""
    shelf = Shelf(state, DRILL, Drilled)
    for one in report.drilled:
        shelf.put(one.id, one, now=at)
