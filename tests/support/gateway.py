"""A gateway's spool for tests: openings and closings as functions of a number, so that any process makes the same again."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from floorline.events import Call, CostLine, Opening
from floorline.ingest.calls import Pricer
from floorline.jobs.lost import Estimator
from floorline.ledger import codec
from floorline.ledger.lock import Lock
from floorline.ledger.snapshot import GATEWAYS
from floorline.ledger.spool import Spool
from floorline.money import multiply
from floorline.pricing.book import PriceBook
from floorline.pricing.overrides import PriceOverride, Rate

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL = "sandbox-1"
INPUT_TOKENS, OUTPUT_TOKENS = 1_000, 500
LOST_USD = Decimal("0.002")
"""What a lost call of these costs: 1,000 tokens at 1 USD a million, 500 at 2."""


def estimator() -> Estimator:
    """Prices of one model, at one dollar a million tokens in and two out."""
    own = PriceOverride(
        provider="sandbox", model=MODEL, rates={"input": Rate(price=Decimal(1)), "output": Rate(price=Decimal(2))}
    )
    return Estimator(pricer=Pricer(book=PriceBook(overrides=[own])))


def opening(number: int, *, prefix: str = "call", deadline_s: int = 10**9) -> Opening:
    """Opening `number`."""
    at = NOON + timedelta(milliseconds=number)
    return Opening(
        id=f"{prefix}-{number}",
        source="gateway",
        gateway="g1",
        opened_at=at,
        deadline=at + timedelta(seconds=deadline_s),
        customer_id=f"customer-{number % 7}",
        feature="assistant",
        provider="sandbox",
        model_requested=MODEL,
        input_tokens=INPUT_TOKENS,
        output_tokens=OUTPUT_TOKENS,
    )


def cost_of(number: int) -> Decimal:
    """What closing `number` costs."""
    return multiply(number % 1_013 + 1, Decimal("1.000001"), 1_000_000)


def closing(number: int, *, prefix: str = "call") -> Call:
    """The call that closes opening `number`."""
    at, cost = NOON + timedelta(milliseconds=number), cost_of(number)
    line = CostLine(component="inference", unit="input", quantity=Decimal(number % 1_013 + 1), per=1_000_000,
                    unit_price=Decimal("1.000001"), list=cost, contracted=cost, effective=cost, price_version="v")  # fmt: skip
    return Call(
        source="gateway", id=f"{prefix}-{number}", gateway="g1", opened_at=at, customer_id=f"customer-{number % 7}",
        feature="assistant", provider="sandbox", model_requested=MODEL, model_served=MODEL,
        usage={"input": line.quantity}, duration_us=1_000, cost_basis="computed", price_version="v", list_cost=cost,
        contracted_cost=cost, effective_cost=cost, lines=(line,),
    )  # fmt: skip


def closing_frame(number: int, *, prefix: str = "call") -> bytes:
    """The frame of a closing, as a gateway makes it."""
    call = closing(number, prefix=prefix)
    return codec.encode(call, codec.fingerprint_of(call.id.encode()))


class SpoolingGateway:
    """What a gateway process does to its folder: the lock, the spool, openings and closings."""

    def __init__(
        self, home: Path, *, name: str = "g1", segment_bytes: int = 1 << 14, sync_ms: int | None = None
    ) -> None:
        folder = home / GATEWAYS / name
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = Lock.take(folder / "lock", wait_s=5)
        self.spool = Spool(folder / "spool", segment_bytes=segment_bytes, sync_ms=sync_ms)

    def open(self, number: int, **options: object) -> None:
        self.spool.append(codec.encode_opening(opening(number, **options)))

    def close(self, number: int, *, prefix: str = "call") -> None:
        self.spool.append(closing_frame(number, prefix=prefix))

    def die(self) -> None:
        """As `kill -9` leaves it: the kernel gives the lock free, nothing else happens."""
        self.lock.release()

    def end(self) -> None:
        """As SIGTERM leaves it."""
        self.spool.close()
        self.lock.release()
