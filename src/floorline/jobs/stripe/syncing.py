"""From Stripe into the ledger: what changed is put into the inbox, and what is in the inbox is fetched and settled."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace as with_fields

from floorline.errors import BadInput
from floorline.events import Revenue
from floorline.ingest.calls import Pricer
from floorline.ingest.draft import Parsed
from floorline.ingest.fx import Rates, rates_query
from floorline.ingest.stripe.amending import settle
from floorline.ingest.stripe.changes import EVENT_TYPES, Change, change_of
from floorline.ingest.stripe.export import parse_export
from floorline.ingest.stripe.invoices import Context
from floorline.ingest.stripe.objects import Obj, reference
from floorline.ingest.stripe.reversals import Line, lines_query
from floorline.jobs.importing import Importing, ImportReport, Problem
from floorline.jobs.stripe.api import StripeApi, StripeDown
from floorline.jobs.stripe.fetching import Family, Fetcher
from floorline.jobs.stripe.inbox import SOURCE, Inbox, Waiting
from floorline.ledger.surface import AnyLedger
from floorline.margin.freshness import Freshness
from floorline.pricing.book import PriceBook

log = logging.getLogger(__name__)

OVERLAP_S = 900
"""Events are listed again from this long before the newest known one: they need not appear in order."""

EVENTS_KEPT_S = 29 * 86_400
"""Stripe keeps events for 30 days. After a longer pause everything is read anew."""

TAKE_S = 240
"""How long one run takes from the inbox; the next one goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeAccount:
    """Where an account is read, and how far back a first pull goes. `source` names its records in the ledger."""

    api: Callable[[], StripeApi]
    backfill: timedelta
    lag_max: timedelta
    source: str = SOURCE


@dataclass(slots=True, kw_only=True)
class Taken:
    """What a run did: documents fetched, records written, documents that were refused, what is left."""

    fetched: int = 0
    written: int = 0
    refused: int = 0
    left: int = 0

    @property
    def said(self) -> str:
        """The figures in words, '' when nothing was done."""
        if not self.fetched and not self.left:
            return ""
        said = f"{self.fetched} documents fetched, {self.written} with something new"
        said += f", {self.refused} refused: `floorline stripe status` says why" if self.refused else ""
        return said + (f", {self.left} left" if self.left else "")


class Syncing:
    """One Stripe account and one ledger. Runs may be interrupted anywhere, come twice, and go on beside each other."""

    def __init__(self, ledger: AnyLedger, account: StripeAccount) -> None:
        self._ledger, self._account = ledger, account
        self.inbox = Inbox(ledger.state, account.source)

    def pull(self, now: datetime) -> str:
        """Put what changed since the last pull into the inbox; a first one, and one after a month, everything."""
        api, began, cursor = self._account.api(), int(now.timestamp()), self.inbox.cursor
        oldest = began - EVENTS_KEPT_S
        if cursor.read_until < oldest and cursor.backfill_from is None:
            self.backfill(began - int(self._account.backfill.total_seconds()), now)
        since = max(cursor.read_until - OVERLAP_S, oldest)
        listed, events, new, newest, read_until = self._resume(api, now), 0, 0, cursor.newest, 0
        for page in api.pages("/v1/events", {"created[gte]": since, "types[]": EVENT_TYPES}):
            read_until = read_until or api.said_at  # what happens from the first page on is the next pull's
            events += len(page)
            new += self.inbox.want(filter(None, map(change_of, page)), now)
            newest = max([newest, *(created for event in page if isinstance(created := event.get("created"), int))])
        read = with_fields(
            self.inbox.cursor,
            pulled_at=now,
            read_until=read_until or newest or oldest,
            newest=newest,
            skew_s=began - read_until if read_until and not listed else cursor.skew_s,
        )
        self.inbox.move(read, now)
        self.inbox.forget(oldest - EVENTS_KEPT_S, now)
        return f"{events} events, {listed} invoices listed, {new} more documents to fetch"

    def backfill(self, since: int, now: datetime) -> None:
        """Have the next pull list every invoice that was created since then (epoch seconds)."""
        self.inbox.move(with_fields(self.inbox.cursor, backfill_from=since, backfill_after=""), now)

    def _resume(self, api: StripeApi, now: datetime) -> int:
        """List the invoices of a backfill that is under way, from where it came to."""
        cursor, listed = self.inbox.cursor, 0
        if cursor.backfill_from is None:
            return 0
        after = {"starting_after": cursor.backfill_after} if cursor.backfill_after else {}
        for page in api.pages("/v1/invoices", {"created[gte]": cursor.backfill_from, **after}):
            self.inbox.want(_invoices(page, int(now.timestamp())), now)
            listed += len(page)
            if page:
                self.inbox.move(with_fields(self.inbox.cursor, backfill_after=reference(page[-1])), now)
        self.inbox.move(with_fields(self.inbox.cursor, backfill_from=None, backfill_after=""), now)
        return listed

    def take(self, now: datetime) -> Taken:
        """Fetch what is in the inbox and make the ledger say the same. StripeDown when Stripe cannot be asked now."""
        taken, until = Taken(), time.monotonic() + TAKE_S
        due = self.inbox.due(now)
        fetcher = Fetcher(self._account.api()) if due else None
        for number, one in enumerate(due):
            assert fetcher is not None, "something is due"
            if time.monotonic() > until:
                taken.left = len(due) - number
                break
            self._take(one, fetcher, taken, now)
        if taken.written:
            self._ledger.flush()
        return taken

    def _take(self, one: Waiting, fetcher: Fetcher, taken: Taken, now: datetime) -> None:
        fetcher.api.said_at = 0
        at, reasons = 0, list[str]()
        try:
            for family in fetcher.families(one):
                at = at or fetcher.api.said_at
                reasons += self._settle(family, taken, now)
        except (BadInput, StripeDown) as error:
            self.inbox.failed(one, str(error), now, refused=False)  # the next run begins with another
            raise
        taken.fetched += 1
        if reasons:
            taken.refused += 1
            self.inbox.failed(one, "; ".join(reasons), now, refused=True)
        else:
            self.inbox.done(one, at, now)

    def _settle(self, family: Family, taken: Taken, now: datetime) -> list[str]:
        """Make the ledger say what the family says; why it cannot."""
        export, source = family.export(), self._account.source
        rates = Rates(lambda: self._ledger.query(rates_query()))
        zone = ZoneInfo(self._ledger.timezone)
        parsed = list(parse_export(export, source=source, rates=rates, zone=zone, find_lines=lambda _: ()))
        context = Context(source=source, names=export.names, rates=rates, zone=zone)
        documents = {
            family.invoice,
            *(name for kind in ("credit_note", "refund") for name in export.kept.get(kind, {})),
        }
        stored = self._stored(documents - {""}) if family.invoice else []
        try:
            settled = settle(parsed, stored, context)
        except BadInput as error:  # a rate that is not there any more
            return [str(error)]
        reasons: list[str] = []
        money = {one.place for one in settled if _has_revenue(one) or one.refused}

        def tell(problem: Problem) -> None:
            if problem.place in money:
                reasons.append(f"{problem.place}: {problem.reason}")
            else:
                log.warning("%s: %s", problem.place, problem.reason)

        report = self._write(settled, tell, now)
        taken.written += bool(report.new)
        return reasons

    def _write(self, settled: list[Parsed], tell: Callable[[Problem], None], now: datetime) -> ImportReport:
        importing = Importing(ledger=self._ledger, pricer=Pricer(book=PriceBook()), now=now, on_problem=tell)
        return importing.parsed(settled)

    def _stored(self, documents: set[str]) -> list[Line]:
        """Every line of these documents, of what reverses them, and of what takes that back."""
        asked: set[str] = set()
        lines: dict[str, Line] = {}
        while documents - asked:
            found = self._ledger.query(lines_query(self._account.source, sorted(documents - asked)))
            asked |= documents
            lines |= {line.id: line for line in found}
            documents = {line.document for line in found} | documents
        return list(lines.values())

    @property
    def timezone(self) -> str:
        """The reporting timezone of the ledger."""
        return self._ledger.timezone

    def freshness(self) -> Freshness:
        """How fresh the ledger's revenue of this account is."""
        return freshness(self.inbox, self._account.lag_max, self._account.source)


def freshness(inbox: Inbox, lag_max: timedelta, source: str = SOURCE) -> Freshness:
    """How fresh revenue is, by what the inbox holds and how far events were read."""
    cursor, waiting = inbox.cursor, inbox.waiting().values()
    untaken = [one.first_at for one in waiting if not one.refused]
    known = None if cursor.backfill_from is not None else cursor.pulled_at
    return Freshness(
        source=source,
        complete_until=None if known is None else min([known, *untaken]),
        newest_event_at=datetime.fromtimestamp(cursor.newest, UTC) if cursor.newest else None,
        waiting=len(untaken),
        refused=sum(one.refused for one in waiting),
        lag_max=lag_max,
    )


def _invoices(page: list[Obj], at: int) -> Iterator[Change]:
    """The invoices of a page that are issued, to be fetched whatever was fetched before."""
    for invoice in page:
        if invoice.get("status") != "draft":
            yield Change(kind="invoice", id=reference(invoice), at=at)


def _has_revenue(one: Parsed) -> bool:
    return any(isinstance(draft.body, Revenue) for draft in one.drafts)
