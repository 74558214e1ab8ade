"""`semantic_cache:` of guardrails in floorline.yaml: for whom near questions' answers may be served, once that is certified."""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast, get_args

from msgspec.structs import replace

from floorline.config.caching import kept_by
from floorline.config.judges import read_judge, read_judge_error
from floorline.config.reader import Value
from floorline.guardrails.condition import Criticality
from floorline.guardrails.frame import MILLION, Setting
from floorline.guardrails.semantic.rule import CertifiedBy, SemanticRule

ENTRIES_MAX = 1_000_000
AUDIT_MIN = Decimal("0.05")
"""With fewer audits an alarm comes too late."""


def read_semantic(table: Mapping[str, Value], setting: Setting, base: SemanticRule | None) -> SemanticRule:
    """The semantic cache's rule that `table` states, on top of `base`."""
    rule = base or SemanticRule()
    alike = (
        table["similarity_min"].number(minimum=Decimal(0), maximum=Decimal(1)) if "similarity_min" in table else None
    )
    apart = table["certify"].one_of(get_args(CertifiedBy)) if "certify" in table else None
    return replace(
        rule,
        setting=setting,
        **kept_by(table, rule),
        certify=cast("CertifiedBy", apart or rule.certify),
        high_stakes=table["high_stakes"].flag() is True if "high_stakes" in table else rule.high_stakes,
        false_hits_max=_share(table, "max_false_hits", rule.false_hits_max),
        audit_ppm=_audited(table["audit"]) if "audit" in table else rule.audit_ppm,
        similarity_min=rule.similarity_min if alike is None else float(alike),  # float: a cosine
        embedder=_text(table, "embedder", rule.embedder),
        judge=read_judge(table, rule),
        judge_error=read_judge_error(table, rule),
        entries_max=_entries(table["entries_max"], rule) if "entries_max" in table else rule.entries_max,
    )


def check_embedder(table: Mapping[str, Value], embedders: tuple[str, ...]) -> None:
    """That what makes vectors, where a guardrail's table names it, is one that `gateway.embedders` has."""
    stated = table["semantic_cache"].entries() if "semantic_cache" in table else {}
    if "embedder" in stated:
        stated["embedder"].value.one_of(("", *embedders))


def held_back(rule: SemanticRule | None, criticality: Criticality, table: Mapping[str, Value]) -> SemanticRule | None:
    """The rule of a feature that states `table` of guardrails: where much is at stake the cache serves nobody, unless the feature says `high_stakes` itself."""
    if rule is None or criticality != "high" or rule.high_stakes or rule.setting.mode == "shadow":
        return rule
    if "semantic_cache" in table:
        table["semantic_cache"].complain(
            f"`{table['semantic_cache'].path}` would serve a feature of high criticality: write mode: shadow, or high_stakes: true if that is meant"
        )
    return replace(rule, setting=Setting(mode="shadow"))


def _share(table: Mapping[str, Value], name: str, default: float) -> float:  # float: a probability
    share = table[name].share() if name in table else None
    return default if share is None else float(share)  # float: as above


def _audited(value: Value) -> int:
    share = value.share()
    if share is not None and share < AUDIT_MIN:
        value.complain(
            f"`{value.path}` is {value.text()}: at least 5% of what is served is compared with the model, for ever"
        )
    return SemanticRule().audit_ppm if share is None else int(share * MILLION)


def _entries(value: Value, rule: SemanticRule) -> int:
    count = value.whole(minimum=1)
    if count is not None and count > ENTRIES_MAX:
        value.complain(f"`{value.path}` is {count}, it may be at most {ENTRIES_MAX}")
    return count or rule.entries_max


def _text(table: Mapping[str, Value], name: str, default: str) -> str:
    said = table[name].text() if name in table else None
    return default if said is None else said
