"""What a gateway itself can say of calls in experiments whose metric is `completed`: whether the answer came whole.

The arm that a call is in goes out with its answer as `x-floorline-experiment`, whatever the metric.
"""

from collections.abc import Iterator

from floorline.events import Label
from floorline.gateway.recording import SOURCE
from floorline.gateway.underway import Guarded, UnderWay
from floorline.guardrails.experiments.rule import Subject, label

_SAYS_NOTHING = frozenset({"client_left", "refused"})
"""Endings that no answer had a part in."""


def completed(call: UnderWay, guarded: Guarded, ending: str) -> Iterator[Label]:
    """The labels of a call that has ended."""
    if call.verdict != "forward" or ending in _SAYS_NOTHING:
        return
    arms = {one.guardrail: one.arm for one in guarded.verdict.touches}
    for one in guarded.rules.experiments:
        arm = arms.get(one.guardrail)
        if one.metric == "completed" and arm is not None:
            subject = Subject(
                call_id=call.id,
                customer=call.attribution.customer,
                user_id=call.attribution.user,
                model=call.model,
                treated=arm == "treated",
            )
            right = ending == "complete" and call.status < 400
            yield label(one, subject, source=SOURCE, id_=call.id, at=call.opened_at, right=right)
