"""A call that was opened and never closed: what the ledger keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from floorline.events import ORCHESTRATION, Call, Opening, Usage
from floorline.ingest.calls import Pricer
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.ledger import Entry
from floorline.pricing.cost import Costing, price
from floorline.pricing.providers import canonical
from floorline.pricing.version import PriceVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimator:
    """What a lost call probably cost. `price_as` maps a configured provider to the one whose prices hold for it."""

    pricer: Pricer
    price_as: Mapping[str, str] = field(default_factory=dict[str, str])

    def entry(self, opening: Opening) -> Entry:
        """The record of a lost call. Its fingerprint is never that of a real closing: one that comes late is refused by
        its identity, and the ledger's figure stands.
        """
        fingerprint = fingerprint_of(b"lost %b" % opening.id.encode())
        return Entry(record=self._call(opening), fingerprint=fingerprint)

    def _call(self, o: Opening) -> Call:
        seller = self.price_as.get(o.provider) or o.provider
        version = self.pricer.book.resolve(seller, o.model_requested, o.opened_at)
        buckets = {name: tokens for name, tokens in (("input", o.input_tokens), ("output", o.output_tokens)) if tokens}
        cost = self._cost(o, buckets, version if isinstance(version, PriceVersion) else None)
        return Call(
            source=o.source,
            id=o.id,
            opened_at=o.opened_at,
            gateway=o.gateway,
            customer_id=o.customer_id,
            user_id=o.user_id,
            plan=o.plan,
            key_id=o.key_id,
            feature=o.feature,
            workflow=o.workflow,
            run_id=o.run_id,
            step=o.step,
            call_type=o.call_type,
            environment=o.environment,
            purpose=o.purpose,
            metadata=o.metadata,
            dialect=o.dialect,
            provider=version.provider if isinstance(version, PriceVersion) else canonical(seller),
            model_requested=o.model_requested,
            model_served=o.model_requested,
            streamed=o.streamed,
            status=0,
            ending="lost",
            baseline=o.baseline,
            usage={name: Decimal(tokens) for name, tokens in buckets.items()},
            cost_basis=cost.basis,
            price_version=cost.price_version,
            unpriced_reason=cost.reason,
            list_cost=cost.list_cost,
            contracted_cost=cost.contracted_cost,
            effective_cost=cost.effective_cost,
            lines=cost.lines,
        )

    def _cost(self, o: Opening, buckets: Mapping[str, int], version: PriceVersion | None) -> Costing:
        if not buckets:
            return Costing(reason="the call was lost before its usage was known, and nothing was estimated beforehand")
        if version is None:
            return Costing(reason=f"the call was lost, and no price is known for {o.provider}/{o.model_requested}")
        self.pricer.versions[version.id] = version
        component = "orchestration" if o.call_type in ORCHESTRATION else "inference"
        return price(Usage(buckets=buckets), version, component=component, estimated=True)
