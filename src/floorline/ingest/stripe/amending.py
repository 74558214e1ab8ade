"""What has to be written so that the ledger says of an invoice what Stripe says now. History is never rewritten.

A record whose content changed is taken back whole (`…/void`, over the same days) and written anew as its next revision
(`…~2`). One that is gone is taken back; one that comes back is a next revision too. Of the revisions of a record the
highest counts, and the ones below it are taken back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from msgspec.structs import replace as with_fields

from floorline.events import Revenue
from floorline.ingest.draft import Draft, Parsed
from floorline.ingest.stripe.invoices import Context
from floorline.ingest.stripe.reversals import Line, line_of, void_drafts

_VOID = "/void"


@dataclass(slots=True, kw_only=True)
class _Record:
    """The revisions of one record in the ledger, by number, and which of them were taken back."""

    revisions: dict[int, Line] = field(default_factory=dict[int, Line])
    taken_back: set[int] = field(default_factory=set[int])

    @property
    def current(self) -> Line | None:
        """What counts at the moment."""
        last = max(self.revisions)
        return None if last in self.taken_back else self.revisions[last]

    def below(self) -> list[Line]:
        """Revisions that a later one replaced and that are not taken back yet: an amendment was interrupted."""
        last = max(self.revisions)
        return [
            line for number, line in sorted(self.revisions.items()) if number != last and number not in self.taken_back
        ]


def settle(parsed: Sequence[Parsed], stored: Sequence[Line], context: Context) -> list[Parsed]:
    """`parsed` is what one invoice and all that hangs on it come to now, made without looking into the ledger; `stored`
    every line of theirs in the ledger. Returns what to write, in that order; nothing but the refusals when there are any,
    since half an invoice would be wrong.
    """
    refused = [one for one in parsed if one.refused is not None]
    if refused:
        return refused
    records = _records(stored)
    settled: list[Parsed] = []
    named: set[str] = set()
    for one in parsed:
        drafts: list[Draft] = []
        for draft in one.drafts:
            if isinstance(draft.body, Revenue):
                named.add(draft.id)
                drafts += _due(draft, records.get(draft.id), stored, context)
            else:
                drafts.append(draft)
        if drafts or not one.drafts:
            settled.append(Parsed(place=one.place, drafts=tuple(drafts), skipped=one.skipped))
    gone = [line for name, record in sorted(records.items()) if name not in named and (line := record.current)]
    settled += [Parsed(place=f"{line.id}: gone", drafts=tuple(void_drafts([line], context))) for line in gone]
    return settled


def _records(stored: Sequence[Line]) -> dict[str, _Record]:
    records: dict[str, _Record] = {}
    for line in stored:
        name, number = _revision(line.id.removesuffix(_VOID))
        record = records.setdefault(name, _Record())
        if line.id.endswith(_VOID):
            record.taken_back.add(number)
        else:
            record.revisions[number] = line
    return {name: record for name, record in records.items() if record.revisions}


def _revision(name: str) -> tuple[str, int]:
    base, mark, number = name.rpartition("~")
    return (base, int(number)) if mark and number.isdigit() else (name, 1)


def _due(draft: Draft, record: _Record | None, stored: Sequence[Line], context: Context) -> Iterator[Draft]:
    """What makes the ledger say `draft`."""
    if record is None:
        yield _of_customer(draft, stored)
        return
    yield from void_drafts(record.below(), context)
    current = record.current
    if current is not None and _content(current) == _content(line_of(cast("Revenue", draft.body))):
        return
    if current is not None:
        yield from void_drafts([current], context)
    yield _of_customer(_renumbered(draft, max(record.revisions) + 1), stored)


def _content(line: Line) -> tuple[object, ...]:
    """What a line says of money. Names may change without it."""
    return line.billed_amount, line.billed_currency, line.period_start, line.period_end, bool(line.reverses)


def _renumbered(draft: Draft, number: int) -> Draft:
    name = f"{draft.id}~{number}"
    return Draft(
        source=draft.source,
        id=name,
        fingerprint=draft.fingerprint,
        body=with_fields(cast("Revenue", draft.body), id=name),
    )


def _of_customer(draft: Draft, stored: Sequence[Line]) -> Draft:
    """The draft with the customer that the ledger has for this invoice: a surrogate when the customer was erased."""
    if not stored:
        return draft
    body = with_fields(cast("Revenue", draft.body), customer=stored[0].customer)
    return Draft(source=draft.source, id=draft.id, fingerprint=draft.fingerprint, body=body)
