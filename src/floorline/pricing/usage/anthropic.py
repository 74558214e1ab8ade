"""Anthropic's messages: input, cache reads and cache writes stand beside each other; thinking is inside the output."""

from floorline.pricing.usage import openai
from floorline.pricing.usage.gather import Gathered
from floorline.pricing.usage.part import Part
from floorline.pricing.usage.tally import Cache, Fields, Tally, fields, items, text

_CODE = frozenset({"code_execution", "bash_code_execution", "text_editor_code_execution"})


def messages(gathered: Gathered) -> list[Part]:
    """The answer's own part first, then a part for every other model that Anthropic bills in the same answer.

    `usage` holds what the answering model used. `iterations` lists every sampling step; those that `usage` leaves out
    are billed too: a `compaction` at the answer's model, an `advisor_message` and a declined attempt before a
    `fallback_message` each at its own model. An attempt that was declined before any output is not billed.
    """
    usage = gathered.usage
    main = Part(tally=sampling(usage), model=gathered.model)
    parts = {main.model: main}
    for step in items(usage.get("iterations")):
        model = text(step.get("model")) or main.model
        kind = text(step.get("type"))
        if model == main.model and kind not in ("compaction", "advisor_message"):
            continue
        tally = sampling(step)
        if kind == "message" and not (tally.buckets.get("output") or tally.buckets.get("reasoning")):
            main.tally.problems += tally.problems
            continue
        held = parts.get(model)
        if held is None:
            parts[model] = Part(tally=tally, model=model)
        else:
            openai.add(held.tally, tally)
    openai.tools(main.tally, usage)
    runs = sum(1 for name in gathered.server_tools.values() if name in _CODE)
    if runs:  # billed by the container's hours, which the answer does not tell
        main.tally.count("tool_calls", runs)
    return list(parts.values())


def sampling(usage: Fields) -> Tally:
    """One block of Anthropic's usage. A write total without a split by time to live is of the default one, 5 minutes;
    what the total has beyond the split is too.
    """
    tally = Tally()
    split = fields(usage.get("cache_creation"))
    total = tally.tokens(usage, "cache_creation_input_tokens")
    five = tally.tokens(split, "ephemeral_5m_input_tokens")
    hour = tally.tokens(split, "ephemeral_1h_input_tokens")
    if total is not None:
        if (five or 0) + (hour or 0) > total:
            tally.problems.append(
                f"cache_creation {(five or 0) + (hour or 0)} exceeds cache_creation_input_tokens {total}:"
                " the split is used; report it to the provider with the response id"
            )
        else:
            five = total - (hour or 0)
    tally.prompt(None, Cache(read=tally.tokens(usage, "cache_read_input_tokens"), write_5m=five, write_1h=hour))
    tally.put("input", tally.tokens(usage, "input_tokens"))
    made = fields(usage.get("output_tokens_details"))
    tally.completion(tally.tokens(usage, "output_tokens"), tally.tokens(made, "thinking_tokens"), name="output_tokens")
    return tally
