"""From a provider's answer to the usage it reports, in disjoint buckets (docs/usage.md)."""

from floorline.pricing.usage.answer import UsageReader, read_answer
from floorline.pricing.usage.endpoints import endpoint_family, price_provider
from floorline.pricing.usage.extraction import Extraction, Status

__all__ = ["Extraction", "Status", "UsageReader", "endpoint_family", "price_provider", "read_answer"]
