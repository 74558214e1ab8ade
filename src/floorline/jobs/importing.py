"""Imports: rows of files and Stripe exports into the ledger, each row once, however often and in whatever order it comes.

    read ▸ parse ▸ known already? ▸ price ▸ price versions ▸ ledger.write

Parsing is pure and below (`ingest`); this is the loop that meets the ledger. A row that is known with the same content
is passed over before it is priced; one that is known with another content is refused by name.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from floorline.errors import BadRow
from floorline.events import Call, Cost, LedgerRecord, Revenue
from floorline.ingest.calls import Pricer, to_call
from floorline.ingest.draft import Draft, Parsed
from floorline.ingest.fx import Rates, rates_query
from floorline.ingest.importers import open_rows, parse_rows
from floorline.ingest.stripe.export import parse_export, read_export
from floorline.ingest.stripe.reversals import Line, lines_query
from floorline.ingest.usage import UsageEvent
from floorline.ledger.ledger import Entry
from floorline.ledger.surface import AnyLedger
from floorline.money import LIMIT_USD, ZERO

CHUNK_ROWS = 4_096
_INVOICES_A_QUERY = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A row that was refused: where it stands and why."""

    place: str
    reason: str


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What an import did. Rows are new, known, refused or skipped; `usd` is the cost, revenue or amount of the new ones.

    `unpriced` maps a model to its number of new unpriced calls, `unpriced_reason` to why. `kept_out` is true when a
    strict import wrote nothing because rows were refused.
    """

    rows: int = 0
    new: int = 0
    known: int = 0
    refused: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    unpriced: Counter[str] = field(default_factory=Counter[str])
    unpriced_reason: dict[str, str] = field(default_factory=dict[str, str])
    not_believed: Counter[str] = field(default_factory=Counter[str])
    usd: Decimal = ZERO
    kept_out: bool = False

    def add(self, other: "ImportReport") -> None:
        """Take another file's figures in."""
        self.rows += other.rows
        self.new += other.new
        self.known += other.known
        self.refused += other.refused
        self.skipped.update(other.skipped)
        self.unpriced.update(other.unpriced)
        self.unpriced_reason |= other.unpriced_reason
        self.not_believed.update(other.not_believed)
        self.usd += other.usd
        self.kept_out = self.kept_out or other.kept_out


OnProblem = Callable[[Problem], None]
OnProgress = Callable[[int, int], None]
"""Takes how much of a file was read, of how much."""


@dataclass(slots=True, kw_only=True)
class Importing:
    """One run of the import: where to, at which prices, and who is told.

    `now` is when price versions are first seen. With `strict` a file with a refused row is not written at all.
    """

    ledger: AnyLedger
    pricer: Pricer
    now: datetime
    strict: bool = False
    on_problem: OnProblem = lambda _: None
    on_progress: OnProgress = lambda _done, _size: None
    _versions_kept: set[str] = field(default_factory=set[str])

    def file(self, kind: str, path: Path, *, source: str = "") -> ImportReport:
        """Import one file of rows. `source` defaults to the kind. BadInput when the file cannot be read at all."""
        rates = Rates(lambda: self.ledger.query(rates_query()))
        named = source or kind
        if self.strict and (report := self._check(parse_rows(kind, open_rows(kind, path), source=named, rates=rates))):
            return report
        rows = open_rows(kind, path)
        report = ImportReport()
        for chunk in _chunks(parse_rows(kind, rows, source=named, rates=rates)):
            self._write(chunk, report)
            self.on_progress(rows.done, rows.size)
        self._finish(report)
        return report

    def stripe(self, paths: Sequence[Path], *, zone: ZoneInfo, source: str = "stripe") -> ImportReport:
        """Import Stripe objects from files and folders, taken together as one export."""
        rates = Rates(lambda: self.ledger.query(rates_query()))
        export = read_export(paths)
        find = self._line_finder(source)
        parsed = list(parse_export(export, source=source, rates=rates, zone=zone, find_lines=find))
        if self.strict and (report := self._check(parsed)):
            return report
        report = ImportReport()
        done = 0
        for chunk in _chunks(parsed):
            self._write(chunk, report)
            self.on_progress(done := done + len(chunk), len(parsed))
        self._finish(report)
        return report

    def parsed(self, rows: Sequence[Parsed]) -> ImportReport:
        """Write rows that were parsed elsewhere. They are kept, and seen after the ledger's next flush."""
        report = ImportReport()
        for chunk in _chunks(rows):
            self._write(chunk, report)
        return report

    def _line_finder(self, source: str) -> Callable[[Sequence[str]], list[Line]]:
        def find(invoices: Sequence[str]) -> list[Line]:
            found: list[Line] = []
            for start in range(0, len(invoices), _INVOICES_A_QUERY):
                found += self.ledger.query(lines_query(source, invoices[start : start + _INVOICES_A_QUERY]))
            return found

        return find

    def _check(self, parsed: Iterable[Parsed]) -> ImportReport | None:
        """The first of a strict import's two passes: a report when a row is refused, None when all are fine.

        It remembers every identity of the file (about 200 bytes a row), since nothing is written that would.
        """
        report = ImportReport(kept_out=True)
        seen: dict[tuple[str, str], bytes] = {}
        for chunk in _chunks(parsed):
            self._sort_out(chunk, report, seen)
        return report if report.refused else None

    def _write(self, chunk: Sequence[Parsed], report: ImportReport) -> None:
        entries: list[Entry] = []
        rows: list[Parsed] = []
        for parsed, drafts in self._sort_out(chunk, report, {}):
            records = [self._record(draft) for draft in drafts]
            refused = next((record for record in records if isinstance(record, BadRow)), None)
            if refused is not None:
                report.new -= 1
                self._refuse(parsed, str(refused), report)
                continue
            for record, draft in zip(records, drafts, strict=True):
                assert not isinstance(record, BadRow)
                entries.append(Entry(record=record, fingerprint=draft.fingerprint))
                rows.append(parsed)
        self._keep_versions()
        written = self.ledger.write(entries)
        unfit = dict(written.invalid) | {at: _clash_since(entries[at].record) for at in written.refused}
        for position, entry in enumerate(entries):
            if position not in unfit:
                _count(entry.record, report)
        for parsed, reason in {rows[at].place: (rows[at], why) for at, why in unfit.items()}.values():
            report.new -= 1
            self._refuse(parsed, reason, report)

    def _sort_out(
        self, chunk: Sequence[Parsed], report: ImportReport, seen: dict[tuple[str, str], bytes]
    ) -> list[tuple[Parsed, list[Draft]]]:
        """Count every row of the chunk; returns the rows with something new in them, and what of them is new.

        `seen` holds the fingerprints of the file's earlier rows that the ledger does not know yet.
        """
        stored = self._stored(chunk)
        fresh: list[tuple[Parsed, list[Draft]]] = []
        for parsed in chunk:
            report.rows += 1
            if parsed.refused is not None:
                self._refuse(parsed, str(parsed.refused), report)
                continue
            if not parsed.drafts:
                report.skipped[parsed.skipped] += 1
                continue
            new, clash = _compare(parsed.drafts, stored, seen)
            if clash:
                self._refuse(parsed, clash, report)
            elif new:
                report.new += 1
                fresh.append((parsed, new))
            else:
                report.known += 1
        return fresh

    def _stored(self, chunk: Sequence[Parsed]) -> dict[tuple[str, str], bytes]:
        by_source: dict[str, list[str]] = {}
        for parsed in chunk:
            for draft in parsed.drafts:
                by_source.setdefault(draft.source, []).append(draft.id)
        return {
            (source, name): print_
            for source, names in by_source.items()
            for name, print_ in zip(names, self.ledger.known(source, names), strict=True)
            if print_ is not None
        }

    def _record(self, draft: Draft) -> LedgerRecord | BadRow:
        if not isinstance(draft.body, UsageEvent):
            return draft.body
        call = to_call(draft.body, self.pricer, source=draft.source)
        for cost in (call.list_cost, call.contracted_cost, call.effective_cost, call.counterfactual_cost):
            if cost is not None and abs(cost) >= LIMIT_USD:
                return BadRow(f"the call costs {cost:f} USD, one ledger row holds {LIMIT_USD}: is a quantity wrong?")
        return call

    def _refuse(self, parsed: Parsed, reason: str, report: ImportReport) -> None:
        report.refused += 1
        self.on_problem(Problem(place=parsed.place, reason=reason))

    def _keep_versions(self) -> None:
        """The price versions of the calls go into the state before the calls go into the ledger."""
        new = {name: version for name, version in self.pricer.versions.items() if name not in self._versions_kept}
        if new:
            bodies = {name: version.to_json() for name, version in new.items()}
            self.ledger.state.add_price_versions(bodies, now=self.now)
            self._versions_kept.update(new)

    def _finish(self, report: ImportReport) -> None:
        self.ledger.flush()
        report.not_believed.update(self.pricer.quarantined)
        self.pricer.quarantined.clear()


def _chunks(parsed: Iterable[Parsed]) -> Iterator[list[Parsed]]:
    rows = iter(parsed)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield chunk


def _compare(
    drafts: Sequence[Draft], stored: dict[tuple[str, str], bytes], seen: dict[tuple[str, str], bytes]
) -> tuple[list[Draft], str]:
    """Which of a row's drafts are new, or why the row clashes with what is known; then nothing of it is new."""
    new: list[Draft] = []
    for draft in drafts:
        key = (draft.source, draft.id)
        before = stored.get(key) or seen.get(key)
        if before is None:
            new.append(draft)
        elif before != draft.fingerprint:
            return [], _clash(draft)
    seen.update({(draft.source, draft.id): draft.fingerprint for draft in new})
    return new, ""


def _clash(draft: Draft) -> str:
    return _clash_of(draft.source, draft.id)


def _clash_since(record: LedgerRecord) -> str:
    """Of a record that another command wrote between the look-up and the write."""
    return _clash_of(record.source, record.id)


def _clash_of(source: str, record_id: str) -> str:
    return (
        f"id {record_id!r} of source {source!r} was imported before with another content: history is not rewritten, "
        f"give the corrected row an id of its own, or name another --source"
    )


def _count(record: LedgerRecord, report: ImportReport) -> None:
    """What a new record adds to the report's dollars and unpriced models."""
    if isinstance(record, Call):
        report.usd += record.effective_cost or ZERO
        if record.effective_cost is None:
            report.unpriced[record.model_served] += 1
            report.unpriced_reason.setdefault(record.model_served, record.unpriced_reason)
    elif isinstance(record, Revenue | Cost):
        report.usd += record.amount
