"""The erasure of a customer or a user: every name becomes a surrogate, content cannot be read any more, totals hold.

    look → keep the plan → collect → rename rows → keys → content → caches → damaged segments → words and audit → forget the plan

The plan holds the names and the random keys of the surrogates. It is in the state from the moment the erasure begins until
it is complete, so that one that was interrupted goes on under the same surrogates; each step may be taken again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from floorline.errors import BadInput
from floorline.events import Alias
from floorline.jobs.guard_events import take as take_guard_events
from floorline.ledger import renaming as names_in
from floorline.ledger.codec import fingerprint_of
from floorline.ledger.content import Subject, SubjectKeys
from floorline.ledger.key import Key
from floorline.ledger.ledger import Entry
from floorline.ledger.purging import Purger
from floorline.ledger.renaming import Renaming
from floorline.ledger.state import Audited
from floorline.ledger.surface import AnyLedger
from floorline.margin import queries

Kind = Literal["customer", "user"]
PENDING = "erasure"
"""The setting that holds the plan of an erasure under way; after it, only that the state's file is to be compacted."""

COMPACTING = "compacting"
SOURCE = "erasure"
"""The source of the aliases that stand in for those of the configuration."""

DAMAGED = "damaged"
_KEY_BYTES = 8


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """An alias of the configuration between two names of the subject."""

    alias: str
    canonical: str
    valid_from: date | None
    valid_to: date | None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be erased. `name` is whom it was asked for and `customer` the one that a user was named with; `users` are
    the customers under which the user's content may be.
    """

    kind: Kind
    name: str
    customer: str = ""
    renaming: Renaming
    users: tuple[str, ...] = ()
    aliases: tuple[Dated, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an erasure would touch. `shared` are aliases that also mean another customer: they are left as they are."""

    plan: Plan
    rows: Mapping[str, int]
    months: Sequence[str]
    content_keys: int
    virtual_keys: Sequence[str]
    quarantined: int
    damaged: Sequence[str]
    shared: Sequence[str] = ()

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to erase."""
        return not (
            any(self.rows.values()) or self.content_keys or self.virtual_keys or self.quarantined or self.damaged
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was done. `surrogate` stands for the subject from now on."""

    surrogate: str
    content_keys: int
    virtual_keys: Sequence[str]


class KeyHolder(Protocol):
    """Who can change virtual keys."""

    def erase(self, words: Mapping[str, str], now: datetime) -> list[Key]:
        """Revoke the keys of the customers in `words`, and replace the names."""
        ...


class Eraser:
    """Erases from one ledger and what lies beside it.

    `collect` brings what gateways have spooled into a ledger of this process. `answers` are those in gateways' caches. `aliases` are the configuration's. `random`
    gives that many bytes nobody can guess. `tell` hears what is done next.
    """

    def __init__(
        self,
        ledger: AnyLedger,
        *,
        collect: Callable[[], None],
        content: SubjectKeys,
        answers: Purger,
        keys: KeyHolder,
        aliases: Sequence[Alias],
        actor: str,
        random: Callable[[int], bytes],
        tell: Callable[[str], None],
    ) -> None:
        self._ledger, self._collect, self._content, self._keys = ledger, collect, content, keys
        self._answers = answers
        self._stated = [alias for alias in aliases if alias.kind == "customer"]
        self._actor, self._random, self._tell = actor, random, tell

    # -- what there is

    def look(self, kind: Kind, name: str, customer: str = "") -> Found:
        """What there is of a customer under all its names, or of a user (of one customer, or of all)."""
        self._collect()
        whose = name if kind == "customer" else customer
        names, shared = self._names(whose) if whose else ((), ())
        k0, k1 = (int.from_bytes(self._random(_KEY_BYTES), "big") for _ in range(2))
        renaming = Renaming(customers=names, user=name if kind == "user" else "", keys=(k0, k1))
        plan = Plan(
            kind=kind,
            name=name,
            customer=customer,
            renaming=renaming,
            users=self._customers_of(renaming) if kind == "user" else (),
            aliases=tuple(self._stated_between(names)) if kind == "customer" else (),
        )
        return self._found(plan, shared)

    def _found(self, plan: Plan, shared: Sequence[str]) -> Found:
        renaming, ledger = plan.renaming, self._ledger
        bound = [key.id for key in ledger.state.virtual_keys() if key.customer in renaming.customers]
        return Found(
            plan=plan,
            rows={table: ledger.query(query)[0].rows for table, query in names_in.row_counts(renaming).items()},
            months=[row.text for row in ledger.query(names_in.months(renaming))],
            content_keys=sum(self._content.count(who, whole_customer=whole) for who, whole in _subjects(plan)),
            virtual_keys=bound if plan.kind == "customer" else (),
            quarantined=ledger.state.quarantined_with(renaming.names),
            damaged=[path.name for path in self._damaged(renaming.names)],
            shared=shared,
        )

    def _names(self, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        stored = [alias for alias in self._ledger.query(queries.aliases()) if alias.kind == "customer"]
        return all_names(name, [*stored, *self._stated])

    def _customers_of(self, renaming: Renaming) -> tuple[str, ...]:
        known = {row.text for row in self._ledger.query(names_in.customers_of(renaming.user))}
        return tuple(sorted(renaming.customers or {"", *known}))

    def _stated_between(self, names: Sequence[str]) -> Iterator[Dated]:
        for alias in self._stated:
            if alias.alias in names and alias.canonical in names:
                yield Dated(
                    alias=alias.alias,
                    canonical=alias.canonical,
                    valid_from=alias.valid_from,
                    valid_to=alias.valid_to,
                )

    def _damaged(self, names: Iterable[str]) -> list[Path]:
        wanted = [name.encode() for name in names]
        folder = self._ledger.home / DAMAGED
        return [
            path
            for path in sorted(folder.glob("*"))
            if any(name in content for content in [path.read_bytes()] for name in wanted)
        ]

    # -- the erasure

    def pending(self) -> Plan | None:
        """The plan of an erasure that was interrupted."""
        kept = self._ledger.state.setting(PENDING)
        if kept == COMPACTING:
            self._forget()
            return None
        return msgspec.json.decode(kept, type=Plan) if kept else None

    def begin(self, plan: Plan) -> None:
        """Keep the plan: from here on the erasure is finished, whatever comes between."""
        self._ledger.state.set_setting(PENDING, msgspec.json.encode(plan).decode())

    def finish(self, plan: Plan, now: datetime) -> Erased:
        """Take every step."""
        ledger, renaming = self._ledger, plan.renaming
        self._tell("collecting what gateways have spooled")
        self._collect()
        take_guard_events(ledger.home, ledger.state, now)  # files that name their subject
        self._tell("renaming rows and computing the rollups anew")
        ledger.rename(renaming)
        words = {row.name: row.surrogate for row in ledger.query(names_in.surrogates(renaming))}
        self._tell("keeping the aliases of the configuration")
        ledger.write([_alias(dated, words) for dated in plan.aliases])
        ledger.flush()
        self._tell("revoking virtual keys")
        revoked = self._keys.erase(words, now)
        self._tell("shredding content keys")
        shredded = sum(self._content.shred(who, whole_customer=whole) for who, whole in _subjects(plan))
        self._tell("purging the caches")
        self._answers.subjects(_subjects(plan), now)
        self._tell("removing damaged segments that name the subject")
        for path in self._damaged(renaming.names):
            path.unlink()
        surrogate = words[renaming.names[0]]
        self._tell("replacing the name where people wrote it")
        ledger.state.erased(
            words,
            Audited(
                at=now,
                actor=self._actor,
                action=f"erase.{plan.kind}",
                subject=surrogate,
                detail=f"{shredded} content keys shredded, {len(revoked)} virtual keys revoked",
            ),
            setting=PENDING,
            value=COMPACTING,
        )
        self._tell("compacting the state")
        self._forget()
        return Erased(surrogate=surrogate, content_keys=shredded, virtual_keys=[key.id for key in revoked])

    def _forget(self) -> None:
        """The plan is gone from the state: see that it is gone from its file too."""
        self._ledger.state.compact()
        self._ledger.state.set_setting(PENDING, "")


def _subjects(plan: Plan) -> Iterator[tuple[Subject, bool]]:
    """Whose content keys go, and whether with those of every user."""
    if plan.kind == "customer":
        yield from ((Subject(name, ""), True) for name in plan.renaming.customers)
    else:
        yield from ((Subject(customer, plan.name), False) for customer in plan.users)


def _alias(dated: Dated, words: Mapping[str, str]) -> Entry:
    alias, canonical = words[dated.alias], words[dated.canonical]
    record = Alias(
        source=SOURCE,
        id=f"customer:{alias}@{dated.valid_from or ''}",
        kind="customer",
        alias=alias,
        canonical=canonical,
        valid_from=dated.valid_from,
        valid_to=dated.valid_to,
    )
    return Entry(record=record, fingerprint=fingerprint_of(msgspec.json.encode(record)))


def all_names(name: str, aliases: Sequence[Alias]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every name of the customer that `name` means, the one that reports use first; and aliases of it that have meant
    another customer too, which are not among them.

    BadInput when `name` itself has meant several customers.
    """
    leads: defaultdict[str, set[str]] = defaultdict(set)
    for alias in aliases:
        if alias.alias != alias.canonical:
            leads[alias.alias].add(alias.canonical)
    root, passed = name, {name}
    while root in leads:
        if len(leads[root]) > 1:
            meant = ", ".join(sorted(leads[root]))
            raise BadInput(f"{root!r} has meant several customers ({meant}): erase them by their own names")
        root = next(iter(leads[root]))
        if root in passed:
            break
        passed.add(root)
    names = {root, *passed}
    while more := {one for one, meant in leads.items() if one not in names and meant <= names}:
        names |= more
    shared = sorted(one for one, meant in leads.items() if one not in names and meant & names)
    return (root, *sorted(names - {root})), tuple(shared)
