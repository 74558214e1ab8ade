"""Providers of one dialect behind each other: `first`, `second`, …, told apart by the path that their requests take."""

from collections.abc import Callable, Mapping

from floorline.gateway.message import Reply, Request
from floorline.gateway.policy import ModelGroup, Provider, Target
from tests.support.dialects import OPENAI, Speech
from tests.support.serving import MODEL, Script

NAMES = ("first", "second", "third", "fourth")


def several(count: int, speech: Speech = OPENAI, **changes: object) -> Callable[[str], Mapping[str, Provider]]:
    """That many providers; the one called `first` answers below `/first`."""

    def made(address: str) -> Mapping[str, Provider]:
        below = "/v1" if speech.name == "openai" else ""
        return {
            name: Provider(name=name, dialect=speech.name, base_url=f"{address}/{name}{below}", auth="none", **changes)
            for name in NAMES[:count]
        }

    return made


def two_of(speech: Speech) -> Callable[[str], Mapping[str, Provider]]:
    """Two providers of a dialect."""
    return several(2, speech)


def group(count: int = 2, *, attempts_max: int = 3) -> Mapping[str, ModelGroup]:
    """The model, served by that many providers, each in a tier of its own."""
    targets = tuple(Target(provider=name, tier=tier) for tier, name in enumerate(NAMES[:count]))
    return {MODEL: ModelGroup(name=MODEL, targets=targets, attempts_max=attempts_max)}


def by_provider(scripts: Mapping[str, Script]) -> Script:
    """Each provider with a script of its own."""

    async def script(request: Request, reply: Reply) -> None:
        await scripts[request.path.split("/")[1]](request, reply)

    return script
