"""What is in force: policy, keys, prices and the ways to the providers, swapped as a whole. A call keeps the one it began with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from floorline.gateway.accounting import Prices
from floorline.gateway.keys import Keyring
from floorline.gateway.paces import Paces
from floorline.gateway.places import Places
from floorline.gateway.policy import GatewayPolicy, Provider
from floorline.gateway.targets import Breaker
from floorline.gateway.upstream import Origin, Pool
from floorline.gateway.wire.signing import Signer
from floorline.guardrails.figures import Known
from floorline.proof.certificate import Certificates


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A provider with its connections. `signer` is there when its credentials are made anew for each request."""

    provider: Provider
    pool: Pool
    signer: Signer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One moment's configuration. `breakers` and `paces` are shared by all snapshots: what was learnt of a target stays.
    `known` is what the control process published of customers, `certificates` what labels have shown; None where it has not.
    """

    policy: GatewayPolicy
    ring: Keyring
    prices: Prices
    upstreams: Mapping[str, Upstream]
    breakers: dict[tuple[str, str], Breaker]
    known: Known | None = None
    certificates: Certificates | None = None
    paces: Paces = field(default_factory=Paces)
    places: Places = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", Places(self.policy))

    def breaker(self, provider: str, model: str) -> Breaker:
        """Of one target."""
        found = self.breakers.get((provider, model))
        if found is None:
            found = self.breakers[provider, model] = Breaker()
        return found


def upstreams(
    policy: GatewayPolicy, before: Mapping[str, Upstream], sign: Callable[[Provider], Signer | None]
) -> dict[str, Upstream]:
    """The ways to the providers of `policy`; those that did not change keep their connections."""
    made: dict[str, Upstream] = {}
    for name, provider in policy.providers.items():
        held = before.get(name)
        if held is not None and held.provider == provider:
            made[name] = held
        else:
            made[name] = Upstream(provider=provider, pool=Pool(Origin.of(provider)), signer=sign(provider))
    return made
