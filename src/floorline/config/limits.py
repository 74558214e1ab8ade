"""`output:`, `reasoning:`, `prompt_cache:` and `compaction:` of guardrails in floorline.yaml."""

from collections.abc import Mapping
from typing import Literal, cast, get_args

from msgspec.structs import replace

from floorline.config.reader import Value
from floorline.guardrails.compaction import CompactionRule
from floorline.guardrails.frame import Setting
from floorline.guardrails.output import EFFORTS, Effort, OutputRule, ReasoningRule
from floorline.guardrails.prompt import PromptCacheRule

TOKENS_MAX = 10_000_000
NOTE_CHARACTERS_MAX = 200
KEEP_TURNS_MAX = 1_000
Absent = Literal["leave", "set"]


def read_output(table: Mapping[str, Value], setting: Setting, base: OutputRule | None) -> OutputRule:
    """The bound of answers that `table` states, on top of `base`."""
    rule = base or OutputRule()
    most = _tokens(table["max_tokens"]) if "max_tokens" in table else rule.tokens_max
    note = table["note"].text() if "note" in table else None
    if note is not None and not (note.isascii() and note.isprintable() and len(note) <= NOTE_CHARACTERS_MAX):
        table["note"].complain(
            f"`{table['note'].path}` goes out as a header: write at most {NOTE_CHARACTERS_MAX} printable ASCII characters"
        )
    plans = dict(rule.plans)
    for plan, entry in table["plans"].entries().items() if "plans" in table else ():
        tokens = _tokens(entry.value)
        if tokens is not None:
            plans[plan] = tokens
    return replace(rule, setting=setting, tokens_max=most, plans=plans, note=note or rule.note)


def read_reasoning(table: Mapping[str, Value], setting: Setting, base: ReasoningRule | None) -> ReasoningRule:
    """The bounds of thinking that `table` states, on top of `base`."""
    rule = base or ReasoningRule()
    effort = table["effort"].one_of(EFFORTS) if "effort" in table else None
    most = _tokens(table["max_tokens"], minimum=0) if "max_tokens" in table else None
    absent = table["when_absent"].one_of(get_args(Absent)) if "when_absent" in table else None
    return replace(
        rule,
        setting=setting,
        effort=rule.effort if effort is None else cast("Effort", effort),
        tokens_max=rule.tokens_max if most is None else most,
        absent=rule.absent if absent is None else cast("Absent", absent),
    )


def read_prompt_cache(table: Mapping[str, Value], setting: Setting, base: PromptCacheRule | None) -> PromptCacheRule:
    """What `table` says of providers' prompt caches, on top of `base`."""
    rule = base or PromptCacheRule()
    sticky = table["sticky"].flag() if "sticky" in table else None
    return replace(rule, setting=setting, sticky=rule.sticky if sticky is None else sticky)


def read_compaction(table: Mapping[str, Value], setting: Setting, base: CompactionRule | None) -> CompactionRule:
    """The compaction that `table` states, on top of `base`; one that shortens nothing is a problem."""
    rule = base or CompactionRule()
    model = table["model"].text() if "model" in table else None
    above = _tokens(table["above_tokens"]) if "above_tokens" in table else None
    turns = table["keep_turns"].whole(minimum=1) if "keep_turns" in table else None
    if turns is not None and turns > KEEP_TURNS_MAX:
        table["keep_turns"].complain(f"`{table['keep_turns'].path}` is {turns}, it must be at most {KEEP_TURNS_MAX}")
    tokens = _tokens(table["summary_tokens"]) if "summary_tokens" in table else None
    found = replace(
        rule,
        setting=setting,
        model=model or rule.model,
        above_tokens=above or rule.above_tokens,
        keep_turns=turns or rule.keep_turns,
        summary_tokens_max=tokens or rule.summary_tokens_max,
    )
    stated = table.get("summary_tokens", table.get("above_tokens"))
    if stated is not None and found.summary_tokens_max * 2 > found.above_tokens:
        stated.complain(
            f"`{stated.path}`: summaries of {found.summary_tokens_max} tokens are no shortening of conversations above"
            f" {found.above_tokens}: at most half of it"
        )
    return found


def _tokens(value: Value, minimum: int = 1) -> int | None:
    tokens = value.whole(minimum=minimum)
    if tokens is not None and tokens > TOKENS_MAX:
        value.complain(f"`{value.path}` is {tokens}, it must be at most {TOKENS_MAX}")
        return None
    return tokens
