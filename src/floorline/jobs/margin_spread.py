"""Asks the ledger for what does not add up from one row of a margin table to the next: percentiles of cost, and distinct users."""

from collections.abc import Mapping, Sequence

from floorline.jobs.margin_request import MarginRequest
from floorline.ledger.surface import Answering
from floorline.margin import queries
from floorline.margin.dimensions import HISTOGRAM, Column
from floorline.margin.metrics import Sums, bucket_95, nearest_rank_95
from floorline.margin.sources import Days
from floorline.margin.table import Key, Keys
from floorline.margin.users import active_user_hashes, active_users

EXACT_P95_CALLS_MAX = 2_000_000


class Spread:
    """Percentiles and users of one table, by the keys of its rows; `days` are those of its window. What is `one_to_one` has a raw
    name of its own for each key.
    """

    def __init__(
        self, ledger: Answering, request: MarginRequest, keys: Keys, columns: Sequence[Column], days: Days
    ) -> None:
        self._ledger, self._request, self._keys, self._columns, self._days = ledger, request, keys, columns, days

    def p95(self, total: Sums, *, one_to_one: bool) -> tuple[str, dict[Key, int | None], int | None]:
        """How it is found, by key, and of the whole window."""
        if not self._request.with_p95:
            return "none", {}, None
        if total.calls <= EXACT_P95_CALLS_MAX:
            return "exact", *self._p95_exact(one_to_one=one_to_one)
        by_bucket = HISTOGRAM.issuperset(self._columns)
        every = self._ledger.query(queries.p95_buckets(self._columns if by_bucket else (), self._days))
        if not by_bucket:
            return "exact, total by histogram", self._p95_exact(one_to_one=one_to_one)[0], bucket_95(_buckets(every))
        by_key: dict[Key, list[queries.BucketRow]] = {}
        for key, row in self._keys.keyed(every):
            by_key.setdefault(key, []).append(row)
        return "histogram", {key: bucket_95(_buckets(rows)) for key, rows in by_key.items()}, bucket_95(_buckets(every))

    def _p95_exact(self, *, one_to_one: bool) -> tuple[dict[Key, int | None], int | None]:
        """By key, and of the whole window."""
        if one_to_one:
            return self._numbers(self._ledger.query(queries.p95_exact(self._columns, self._days)))
        costs: dict[Key, list[int]] = {}
        for key, row in self._keys.keyed(self._ledger.query(queries.p95_costs(self._columns, self._days))):
            costs.setdefault(key, []).extend(row.numbers)
        everything = [cost for values in costs.values() for cost in values]
        return {key: nearest_rank_95(values) for key, values in costs.items()}, nearest_rank_95(everything)

    def users(self, usage: Mapping[Key, Sums], *, one_to_one: bool) -> tuple[dict[Key, int] | None, int | None]:
        """By key, and of the whole window; None where they are not asked for, or the table does not count them."""
        by = self._request.by
        if not self._request.with_users or not {"feature", "user"}.issuperset(by):
            return None, None
        if "user" in by:
            at = by.index("user")
            active = {key: 1 for key, sums in usage.items() if key[at] and sums.calls > 0}
            return active, len({key[at] for key in active})
        if one_to_one:
            counts, total = self._numbers(self._ledger.query(active_users(self._days)))
            return {key: count or 0 for key, count in counts.items()}, total or 0
        users: dict[Key, set[int]] = {}
        for key, row in self._keys.keyed(self._ledger.query(active_user_hashes(self._days))):
            users.setdefault(key, set()).update(row.numbers)
        return {key: len(hashes) for key, hashes in users.items()}, len(set[int]().union(*users.values()))

    def _numbers(self, rows: Sequence[queries.NumberRow]) -> tuple[dict[Key, int | None], int | None]:
        """By key, and that of the whole window, which comes in a row of no day."""
        whole = next((row.number for row in rows if row.as_of == 0), None)
        return {key: row.number for key, row in self._keys.keyed([row for row in rows if row.as_of])}, whole


def _buckets(rows: Sequence[queries.BucketRow]) -> dict[int, int]:
    found: dict[int, int] = {}
    for row in rows:
        found[row.bucket] = found.get(row.bucket, 0) + row.calls
    return found
