"""The demo's live, guarded and proven parts, with a ledger of their own: what they prove is told, and no part of the company's books."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from floorline.guardrails.rules import Guardrails
from floorline.jobs.importing import Problem
from floorline.ledger.ledger import Ledger
from floorline.margin.policy import Policies
from floorline.pricing.book import build_book
from floorline.pricing.overrides import PriceOverride
from floorline.sandbox.guarded import run_guarded
from floorline.sandbox.live import Live, run_live
from floorline.sandbox.proven import Proven, run_proven
from floorline.sandbox.scene import Guarded, Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of the parts, and what was refused on the way."""

    live: Live
    guarded: Guarded
    proven: Proven
    problems: Sequence[Problem]


def run_trial(
    folder: Path,
    prices: Sequence[PriceOverride],
    policies: Policies,
    rails: Guardrails,
    scene: Scene,
    *,
    calls: int,
    questions: int,
    seed: int,
) -> Trial:
    """The parts in the new folder `folder`, in this process: so many calls of the live one, and so many questions of each feature of
    the proven one, which goes by `rails`.
    """
    folder.mkdir(mode=0o700)
    book, _ = build_book(prices)
    problems: list[Problem] = []
    with Ledger.open(folder, timezone="UTC") as ledger:
        live = run_live(folder, ledger, book, calls=calls, seed=seed)
        guarded = run_guarded(folder, ledger, book, policies, scene, problems.append)
        proven = run_proven(folder, ledger, book, policies, rails, calls=questions, seed=seed)
    return Trial(live=live, guarded=guarded, proven=proven, problems=problems)
