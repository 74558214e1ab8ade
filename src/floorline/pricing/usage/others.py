"""Providers with a shape of their own: Cohere, Ollama, watsonx, Voyage, Mistral's documents."""

from floorline.pricing.usage.gather import Gathered
from floorline.pricing.usage.part import Part, stated_cost
from floorline.pricing.usage.tally import Fields, Tally, fields


def cohere(usage: Fields) -> Part:
    """`billed_units` are what Cohere charges; `tokens` (with the prompt's own wrapping, and what was cached of it) are
    read only where nothing is billed by them.
    """
    tally = Tally()
    billed = fields(usage.get("billed_units"))
    source = billed or fields(usage.get("tokens"))
    tally.put("input", tally.tokens(source, "input_tokens"))
    tally.put("input_image", tally.tokens(source, "image_tokens"))
    tally.put("output", tally.tokens(source, "output_tokens"))
    tally.count("rerank_searches", tally.tokens(source, "search_units"))
    tally.count("images", tally.tokens(source, "images"))
    return Part(tally=tally)


def ollama(gathered: Gathered) -> Part:
    """`prompt_eval_count` and `eval_count`; thinking is inside the latter and is not told apart."""
    tally = Tally()
    tally.put("input", tally.tokens(gathered.flat, "prompt_eval_count"))
    tally.put("output", tally.tokens(gathered.flat, "eval_count"))
    return Part(tally=tally)


def watsonx(gathered: Gathered) -> Part:
    """`input_token_count` and `generated_token_count` of the results."""
    tally = Tally()
    tally.put("input", tally.tokens(gathered.flat, "input_token_count"))
    tally.put("output", tally.tokens(gathered.flat, "generated_token_count"))
    return Part(tally=tally)


def total_only(usage: Fields) -> Part:
    """Voyage's embeddings and reranking: a total, all of it input (multimodal: text, and images by their pixels)."""
    tally = Tally()
    total = tally.tokens(usage, "total_tokens")
    words = tally.tokens(usage, "text_tokens")
    tally.put("input", total if words is None else words)
    tally.count("pixels", tally.tokens(usage, "image_pixels"))
    return Part(tally=tally, total=total if words is None else None, cost_usd=stated_cost(tally, usage))


def documents(usage: Fields) -> Part:
    """Mistral's OCR: pages."""
    tally = Tally()
    tally.count("document_pages", tally.tokens(usage, "pages_processed"))
    return Part(tally=tally)
