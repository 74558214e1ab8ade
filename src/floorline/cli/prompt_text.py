"""The audit of prompts and the effect of a change, as tables for people and as JSON."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from rich.console import Console

from floorline.cli.grid import Column, plain_console, print_grid
from floorline.jobs.prompting import Window
from floorline.margin.words import clipped, counted, dollars, moved, percent
from floorline.money import text
from floorline.prompts.audit import Feature, Part, Prompt
from floorline.prompts.counting import BYTES_PER_TOKEN, Ratio
from floorline.prompts.diff import Diff

FINDINGS_SHOWN = 3
"""Of a prompt, of each kind; JSON has all."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_UNREAD = {"shape": "only the shape is kept (capture: metadata)", "no_json": "what is kept is no whole JSON"}

Json = dict[str, object]


def audit_document(found: Sequence[Feature], window: Window) -> Json:
    """Everything; tokens are of a call, money of a month."""
    return {
        **_of_window(window.start, window.end),
        "features": [
            {
                "feature": one.name,
                "calls_a_month": one.calls,
                "usd_a_month": text(one.spend),
                "unpriced_calls_a_month": one.unpriced,
                "covered": _ratio(one.covered),
                "unread": one.unread,
                "prompts": [_prompt_document(prompt) for prompt in one.prompts],
            }
            for one in found
        ],
    }


def _of_window(start: date, end: date) -> Json:
    return {"from": start, "to": end, "currency": "USD", "tokens": "estimated"}


def _prompt_document(of: Prompt) -> Json:
    return {
        "prompt": of.name,
        "begins": _one_line(of.begins, 200),
        "calls_seen": of.seen,
        "wordings": of.versions,
        "calls_a_month": of.calls,
        **_part(of.whole, ""),
        **_part(of.instructions, "instructions_"),
        **_part(of.tools, "tools_"),
        "examples": of.examples,
        **_part(of.of_examples, "examples_"),
        "examples_tokens_in_instructions": of.in_examples,
        **_part(of.repeated, "repeated_"),
        "repeated": [{"text": one.text, "times": one.times, "bytes": one.size} for one in of.repeats],
        **_part(of.idle, "boilerplate_"),
        "boilerplate": [{"text": one.text, "times": one.times, "bytes": one.size} for one in of.phrases],
        "saves_usd_a_month_30_percent_shorter": text(of.shorter),
        "share_of_input": _ratio(of.input_share),
        "share_of_spend": _ratio(of.spend_share),
        "counting": ratio_document(of.ratio),
    }


def _part(part: Part, prefix: str) -> Json:
    return {f"{prefix}tokens": part.tokens, f"{prefix}usd_a_month": text(part.usd)}


def _ratio(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def ratio_document(ratio: Ratio) -> Json:
    """How bytes became tokens."""
    return {
        "bytes": ratio.bytes,
        "tokens": ratio.tokens,
        "calibrated_by": ratio.origin,
        "calls": ratio.calls,
        "nine_of_ten_within": _ratio(ratio.off),
    }


def print_audit(found: Sequence[Feature], window: Window) -> None:
    """Print the prompts, what in each could go, and how sure the figures are."""
    out = plain_console()
    lines = [(one, prompt) for one in found for prompt in one.prompts]
    if not found:
        out.print(
            "Nothing is kept to audit: a feature's `capture` in floorline.yaml says what is kept (docs/privacy.md).",
            soft_wrap=True,
        )
        return
    absent = print_grid(
        out,
        f"System prompts: {window.start} to {date.fromordinal(window.end.toordinal() - 1)}, estimated tokens, USD a month",
        [
            Column(title="feature", cells=[one.name for one, _ in lines], name=True),
            Column(title="prompt", cells=[_name(prompt) for _, prompt in lines], left=True),
            Column(title="calls\na month", cells=[f"{prompt.calls:,}" for _, prompt in lines], weight=3),
            Column(title="tokens", cells=[f"{prompt.whole.tokens:,}" for _, prompt in lines]),
            Column(title="of input", cells=[percent(prompt.input_share, 0) for _, prompt in lines], weight=4),
            Column(title="$/month", cells=[dollars(prompt.whole.usd) for _, prompt in lines]),
            Column(title="of spend", cells=[percent(prompt.spend_share, 0) for _, prompt in lines], weight=1),
            Column(title="examples", cells=[_part_cell(prompt.of_examples) for _, prompt in lines], weight=5),
            Column(title="said twice", cells=[_part_cell(prompt.repeated) for _, prompt in lines], weight=5),
            Column(title="idle", cells=[_part_cell(prompt.idle) for _, prompt in lines], weight=6),
            Column(title="30 % shorter\nsaves", cells=[dollars(prompt.shorter) for _, prompt in lines]),
        ],
    )
    if absent:
        out.print(f"No room for: {', '.join(absent)} (--json has all).", soft_wrap=True)
    for one, prompt in lines:
        _print_findings(out, one, prompt)
    _print_notes(out, found)


def _name(prompt: Prompt) -> str:
    return {"": "unnamed", "-": "none", "*": "varied"}.get(prompt.name, prompt.name)


def _part_cell(part: Part) -> str:
    return f"{part.tokens:,} tok {dollars(part.usd)}" if part.tokens else ""


def _print_findings(out: Console, feature: Feature, prompt: Prompt) -> None:
    lines = [
        f"  said {one.times} times, {one.size} bytes too many: {_one_line(one.text)}"
        for one in prompt.repeats[:FINDINGS_SHOWN]
    ]
    lines += [
        f"  changes no answer, {one.times} ×, {one.size} bytes: {_one_line(one.text)}"
        for one in prompt.phrases[:FINDINGS_SHOWN]
    ]
    if prompt.examples:
        lines.append(
            f"  {counted(prompt.examples, 'worked example')}: {prompt.of_examples.tokens:,} tokens a call, "
            f"{prompt.in_examples:,} of them in the instructions; without them {dollars(prompt.of_examples.usd)} a month less"
        )
    if lines:
        out.print(f"\n{feature.name}, {_name(prompt)}: {_one_line(prompt.begins)}", *lines, sep="\n", soft_wrap=True)


def _one_line(value: str, width: int = 90) -> str:
    return clipped(" ".join(_CONTROLS.sub(" ", value).split()), width)


def _print_notes(out: Console, found: Sequence[Feature]) -> None:
    out.print()
    for one in found:
        if one.covered is not None and one.covered < 1:
            out.print(
                f"{one.name}: {percent(one.covered)} of its calls have a prompt that was captured.", soft_wrap=True
            )
        if one.unpriced:
            out.print(
                f"{one.name}: {counted(one.unpriced, 'call')} a month without a price are in no amount.", soft_wrap=True
            )
        for why, count in sorted(one.unread.items()):
            out.print(
                f"{one.name}: {counted(count, 'captured call')} could not be read: {_UNREAD[why]}.", soft_wrap=True
            )
    for sentence in dict.fromkeys(counting_words(prompt.ratio) for one in found for prompt in one.prompts):
        out.print(sentence, soft_wrap=True)


def counting_words(ratio: Ratio) -> str:
    """How the tokens of a text were estimated."""
    if ratio.origin == "none":
        return (
            f"Tokens are a rough estimate, {BYTES_PER_TOKEN} bytes each: too few calls were captured to calibrate it."
        )
    whose = "the feature's own calls" if ratio.origin == "feature" else "other features' calls of the model"
    return (
        f"Tokens are an estimate, {Decimal(ratio.bytes) / ratio.tokens:.2f} bytes each, by the provider's counts of {ratio.calls:,} of"
        f" {whose}: nine of ten are within {percent(ratio.off)} of it."
    )


def diff_document(found: Diff, limit: Decimal | None) -> Json:
    """The change; money of a month."""
    recorded = found.recorded
    return {
        **_of_window(recorded.start, recorded.end),
        "feature": recorded.feature,
        "bytes_before": found.size_before,
        "bytes_after": found.size_after,
        "tokens_before": found.before,
        "tokens_after": found.after,
        "calls_a_month": found.calls,
        "unpriced_calls_a_month": found.unpriced,
        "usd_a_month_before": text(found.usd_before),
        "usd_a_month": text(found.usd),
        "limit_usd_a_month": None if limit is None else text(limit),
        "over_limit": limit is not None and found.usd > limit,
        "models": [
            {
                "provider": one.provider,
                "model": one.model,
                "calls_a_month": one.calls,
                "tokens_before": one.before,
                "tokens_after": one.after,
                "usd_a_month_before": text(one.usd_before),
                "usd_a_month": text(one.usd),
                "unpriced_calls_a_month": one.unpriced,
                "counting": ratio_document(one.ratio),
            }
            for one in found.models
        ],
    }


def print_diff(found: Diff) -> None:
    """Print the change by model, and in a sentence."""
    out, recorded = plain_console(), found.recorded
    last = date.fromordinal(recorded.end.toordinal() - 1)
    print_grid(
        out,
        f"A changed prompt of {recorded.feature}: estimated tokens a call, USD a month at the volume of {recorded.start} to {last}",
        [
            Column(title="model", cells=[f"{one.provider}/{one.model}" for one in found.models] + ["total"], name=True),
            Column(title="calls\na month", cells=[f"{one.calls:,}" for one in found.models] + [f"{found.calls:,}"]),
            Column(title="before", cells=[f"{one.before:,}" for one in found.models] + [f"{found.before:,}"]),
            Column(title="after", cells=[f"{one.after:,}" for one in found.models] + [f"{found.after:,}"]),
            Column(title="now", cells=[dollars(one.usd_before) for one in found.models] + [dollars(found.usd_before)]),
            Column(title="change", cells=[moved(one.usd) for one in found.models] + [moved(found.usd)]),
        ],
        sections=[len(found.models) - 1],
        bold_last=True,
    )
    more = found.after - found.before
    out.print(
        f"{moved(found.usd)} a month: {more:+,} tokens in each of {counted(found.calls, 'call')}"
        f" ({found.size_before:,} → {found.size_after:,} bytes).",
        soft_wrap=True,
    )
    if found.unpriced:
        out.print(f"{counted(found.unpriced, 'call')} a month without a price are in no amount.", soft_wrap=True)
    for sentence in dict.fromkeys(counting_words(one.ratio) for one in found.models):
        out.print(sentence, soft_wrap=True)
