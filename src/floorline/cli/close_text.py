"""Closed months as tables for people and as JSON."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from rich.console import Console

from floorline.cli.grid import Column, plain_console, print_grid
from floorline.cli.margin_text import cents, console
from floorline.jobs.closing import Beside, Head, Restated
from floorline.margin.closing import KINDS, MEANINGS, Difference, Part, Prior, Row, summed
from floorline.margin.report import money_or_null, percent
from floorline.money import text

Json = dict[str, object]


def head_document(id_: str, head: Head) -> Json:
    """A closed month without its figures."""
    return {
        "id": id_,
        "month": head.month,
        "sha256": head.sha256,
        "closed_at": head.closed_at,
        "actor": head.actor,
        "revenue": text(head.revenue),
        "cogs": text(head.cogs),
        "margin_usd": text(head.revenue - head.cogs),
        "warnings": list(head.warnings),
        "reason": head.reason or None,
        "reopened": None
        if head.reopened_at is None
        else {"at": head.reopened_at, "actor": head.reopened_by, "reason": head.reopened_because},
    }


def month_document(id_: str, of: Restated, customers: Sequence[str]) -> Json:
    """A closed month: as closed, what came since by kind, restated; and what it was made of. `customers` are the names of
    its customers' rows.
    """
    closed = of.closed
    return {
        **head_document(id_, of.head),
        "from": closed.start,
        "to": closed.end,
        "timezone": closed.timezone,
        "environment": closed.environment,
        "purpose": closed.purpose,
        **_three(of),
        "parts": {kind: _part(part) for kind, part in closed.parts.items()},
        "features": [{"feature": row.key[0], **_row(row)} for row in closed.features],
        "plans": [{"plan": row.key[0], **_row(row)} for row in closed.plans],
        "customers": [{"customer": name, **_row(row)} for name, row in zip(customers, closed.customers, strict=True)],
        "price_versions": list(closed.price_versions),
        "carries": [_prior(prior) for prior in closed.prior],
    }


def open_document(month: str, priors: Sequence[Prior]) -> Json:
    """The month that is open: what it carries of closed ones so far."""
    return {"month": month, "sha256": None, "carries": [_prior(prior) for prior in priors]}


def beside_document(of: Beside) -> Json:
    """What a margin table of one month has besides its own figures."""
    closed: Json | None = None
    if of.restated is not None:
        closed = {"month": of.month, "sha256": of.restated.head.sha256, **_three(of.restated)}
        closed["rows"] = [
            {"key": row.key[0], "closed": _row(row.closed), "restated": _row(row.restated), "change": _part(row.change)}
            for row in of.rows
        ]
    return {"closed": closed, "carries": [_prior(prior) for prior in of.carried]}


def _three(of: Restated) -> Json:
    if of.incomparable:
        return {"as_closed": _row(of.closed.total), "restated": None, "incomparable": of.incomparable}
    change = summed(of.since.values())
    return {
        "as_closed": _row(of.closed.total),
        "restated": _row(of.restated),
        "difference": _part(change),
        "corrections": [{"kind": kind, **_part(of.since[kind])} for kind in KINDS if kind in of.since],
        "carried_by_later_months": _part(of.carried),
    }


def _row(row: Row) -> Json:
    return {
        "revenue": text(row.revenue),
        "cogs": text(row.cogs),
        "margin_usd": text(row.margin),
        "margin_ratio": money_or_null(row.margin_ratio),
        "calls": row.calls,
    }


def _part(part: Part) -> Json:
    return {
        "revenue": text(part.revenue),
        "cogs": text(part.cost),
        "margin_usd": text(part.margin),
        "rows": part.rows,
    }


def _prior(prior: Prior) -> Json:
    return {"month": prior.month, "kind": prior.kind, **_part(prior.part)}


def print_list(heads: Mapping[str, Head]) -> None:
    """Every month that is or was closed."""
    out = plain_console()
    for id_, head in heads.items():
        state = f"closed {head.closed_at:%Y-%m-%d %H:%M} UTC by {head.actor}"
        if head.reopened_at is not None:
            state += f", reopened {head.reopened_at:%Y-%m-%d} by {head.reopened_by}: {head.reopened_because}"
        figures = f"revenue {cents(head.revenue)}, cost {cents(head.cogs)}, margin {cents(head.revenue - head.cogs)}"
        out.print(f"{id_}  {state}\n    {figures}\n    {head.sha256}", soft_wrap=True)
        for warning in head.warnings:
            out.print(f"    although {warning}: {head.reason}", soft_wrap=True)


def print_month(id_: str, of: Restated) -> None:
    """A closed month beside what it is now."""
    out = console()
    head, closed = of.head, of.closed
    out.print(
        f"{id_}: {closed.start} to {closed.end} exclusive, days of {closed.timezone}; closed {head.closed_at:%Y-%m-%d %H:%M}"
        f" UTC by {head.actor}\n{head.sha256}",
        soft_wrap=True,
    )
    _print_three(out, of)
    _print_carried(out, closed.prior, id_)


def print_open(month: str, priors: Sequence[Prior]) -> None:
    """The month that is open."""
    out = console()
    out.print(f"{month} is open." if priors else f"{month} is open and carries nothing of closed months.")
    _print_carried(out, priors, month)


def print_beside(of: Beside, limit: int) -> None:
    """What stands below a margin table of one month."""
    out = console()
    if of.restated is not None:
        _print_three(out, of.restated)
        if of.rows:
            _print_rows(out, of.rows, limit)
    _print_carried(out, of.carried, of.month)


def _print_three(out: Console, of: Restated) -> None:
    if of.incomparable:
        closed = of.closed.total
        figures = f"revenue {cents(closed.revenue)}, cost {cents(closed.cogs)}, margin {cents(closed.margin)}"
        out.print(f"As closed: {figures}. {of.incomparable}", soft_wrap=True)
        return
    since = [(MEANINGS[kind], of.since[kind]) for kind in KINDS if kind in of.since]
    total, restated = of.closed.total, of.restated
    lines: list[tuple[str, Decimal, Decimal, int, str]] = [
        ("as closed", total.revenue, total.cogs, total.calls, percent(total.margin_ratio)),
        *((meaning, part.revenue, part.cost, part.rows, "") for meaning, part in since),
        ("restated", restated.revenue, restated.cogs, restated.calls, percent(restated.margin_ratio)),
    ]
    if not since:
        out.print(f"{of.head.month} is closed and nothing came since: {of.head.sha256[:16]}")
        return
    print_grid(
        out,
        f"{of.head.month} as closed, what came since, and restated, USD",
        [
            Column(title="", cells=[line[0] for line in lines], name=True),
            Column(title="revenue", cells=[cents(line[1]) for line in lines]),
            Column(title="cost", cells=[cents(line[2]) for line in lines]),
            Column(title="margin", cells=[cents(line[1] - line[2]) for line in lines]),
            Column(title="margin %", cells=[line[4] for line in lines]),
            Column(title="calls/rows", cells=[f"{line[3]:,}" for line in lines], weight=1),
        ],
        sections=[0, len(lines) - 2],
        bold_last=True,
    )


def _print_rows(out: Console, rows: Sequence[Difference], limit: int) -> None:
    largest = sorted(rows, key=lambda row: (-abs(row.change.margin), row.key))[:limit]

    def cells(of: str) -> list[str]:
        return [cents(getattr(row.change, of)) for row in largest]

    print_grid(
        out,
        "What changed since the close, largest first, USD",
        [
            Column(title="", cells=[row.key[0] for row in largest], name=True),
            Column(title="closed margin", cells=[cents(row.closed.margin) for row in largest]),
            Column(title="restated", cells=[cents(row.restated.margin) for row in largest]),
            Column(title="revenue by", cells=cells("revenue"), weight=2),
            Column(title="cost by", cells=cells("cost"), weight=1),
            Column(title="margin by", cells=cells("margin")),
        ],
    )


def _print_carried(out: Console, priors: Sequence[Prior], month: str) -> None:
    if not priors:
        return
    parts = [prior.part for prior in priors]
    total = summed(parts)
    lines: list[tuple[str, str, Decimal, Decimal]] = [
        *((prior.month, MEANINGS[prior.kind], prior.part.revenue, prior.part.cost) for prior in priors),
        ("total", "", total.revenue, total.cost),
    ]
    print_grid(
        out,
        f"Adjustments of closed months that {month} carries, USD",
        [
            Column(title="month", cells=[line[0] for line in lines]),
            Column(title="what came late", cells=[line[1] for line in lines], name=True),
            Column(title="revenue", cells=[cents(line[2]) for line in lines]),
            Column(title="cost", cells=[cents(line[3]) for line in lines]),
            Column(title="margin", cells=[cents(line[2] - line[3]) for line in lines]),
        ],
        sections=[len(lines) - 2],
        bold_last=True,
    )
