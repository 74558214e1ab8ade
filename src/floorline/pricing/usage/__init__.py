"""From a provider's answer to the usage it reports, in disjoint buckets (docs/usage.md)."""

from floorline.pricing.usage.answer import Extraction, Status, UsageReader, read_answer
from floorline.pricing.usage.endpoints import endpoint_family, price_provider

__all__ = ["Extraction", "Status", "UsageReader", "endpoint_family", "price_provider", "read_answer"]
