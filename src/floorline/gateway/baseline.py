"""What costs are compared within: the prompt and the route of a call, as `<prompt>@<route>` on its record.

The prompt is what the application calls its version, else a short hash of its template (wire/template.py) without what
changes from day to day in one. The route is a short hash of the chain of targets in force for the model asked for. The
model itself is on the record already.
"""

import re
from collections.abc import Mapping
from hashlib import sha256

import msgspec

from floorline.gateway.policy import GatewayPolicy, ModelGroup, Target
from floorline.gateway.underway import UnderWay
from floorline.gateway.wire.template import Template, template, tools, words

NO_PROMPT = "-"
"""A call without instructions and tools."""

VARIED = "*"
"""One of more prompts of a feature's step than a baseline can tell apart: most often the user's name is in each."""

PROMPTS_MAX = 32
"""Prompts of one feature's step that keep their own names, a day; the ledger has a row for each."""

NAME_CHARACTERS_MAX = 64
STEPS_MAX = 4_096
REMEMBERED_MAX = 4_096

_DIGITS = b"0123456789"
_MARKS = b".,;:!?()[]{}<>*_/'\"-"
_ID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16,}|\d+(?:st|nd|rd|th)\b")
_DATE_WORDS = frozenset(
    b"""monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun january february
    march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
    am pm a.m p.m""".split()
)


class Stamps:
    """Names the baseline of one gateway's calls."""

    def __init__(self) -> None:
        self._routes = Routes(GatewayPolicy())
        self._names: dict[int, str] = {}
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._day = 0

    def of(self, call: UnderWay, group: ModelGroup, policy: GatewayPolicy) -> str:
        """`<prompt>@<route>` of a call that goes to `group`."""
        if policy is not self._routes.policy:
            self._routes = Routes(policy)
        whose = call.attribution
        prompt = whose.prompt[:NAME_CHARACTERS_MAX] or self._prompt(call.view.held)
        if call.opened_at.day != self._day:
            self._day = call.opened_at.day
            self._seen.clear()
        step = (whose.feature, whose.step or call.call_type)
        return f"{self._told_apart(step, prompt)}@{self._routes.of(group)}"

    def _told_apart(self, step: tuple[str, str], prompt: str) -> str:
        """`prompt`, or VARIED once the step has had too many of them that day."""
        seen = self._seen.get(step)
        if seen is None:
            if len(self._seen) >= STEPS_MAX:
                self._seen.clear()
            seen = self._seen[step] = set()
        if prompt not in seen:
            if len(seen) >= PROMPTS_MAX:
                return VARIED
            seen.add(prompt)
        return prompt

    def _prompt(self, held: Mapping[str, msgspec.Raw]) -> str:
        """The name of a template, remembered by the keyed 64-bit hash of its bytes, and of its bytes without digits: the
        time of day in a prompt costs no more than a look.
        """
        fixed = template(held)
        if not fixed.instructions and not fixed.tools:
            return NO_PROMPT
        exact = hash(fixed)
        found = self._names.get(exact)
        if found is not None:
            return found
        rough = hash((tuple([part.translate(None, _DIGITS) for part in fixed.instructions]), fixed.tools, "rough"))
        found = self._names.get(rough) or prompt_name(fixed)
        if len(self._names) >= REMEMBERED_MAX:
            self._names.clear()
        self._names[exact] = self._names[rough] = found
        return found


class Routes:
    """The names of the chains of targets of one policy, made once."""

    def __init__(self, policy: GatewayPolicy) -> None:
        self.policy = policy
        self._groups = {name: (group, route_name(group)) for name, group in policy.models.items()}
        self._alone = {
            name: route_name(ModelGroup(name="", targets=(Target(provider=name),), attempts_max=1))
            for name in policy.providers
        }

    def of(self, group: ModelGroup) -> str:
        """The name of the chain that serves `group`; a model that no group names has its provider's."""
        known = self._groups.get(group.name)
        return known[1] if known is not None and known[0] is group else self._alone[group.targets[0].provider]


def prompt_name(fixed: Template) -> str:
    """A short hash of what the template says. Digits, dates and ids in its instructions do not count, nor does white space."""
    plain = b" ".join([kept for word in words(fixed).encode(errors="replace").split() if (kept := _lasting(word))])
    return sha256(plain + b"\0" + tools(fixed).encode()).hexdigest()[:10]


def _lasting(word: bytes) -> bytes:
    """What of a word says the same every day."""
    if not word.isalpha():
        word = _ID.sub(b"", word).translate(None, _DIGITS)
    return b"" if word.strip(_MARKS).lower() in _DATE_WORDS else word


def route_name(group: ModelGroup) -> str:
    """A short hash of the group's targets and of how often one call may try them; the order of writing does not count."""
    chain = sorted((target.tier, target.provider, target.model, target.weight) for target in group.targets)
    return sha256(repr((group.attempts_max, chain)).encode()).hexdigest()[:8]
