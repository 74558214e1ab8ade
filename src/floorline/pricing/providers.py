"""The names of providers: what gateways, SDKs and telemetry call them, and which one a bare model name means."""

import re
from typing import Protocol
from urllib.parse import unquote

ALIASES = {
    "anyscale": "anyscale",
    "aws.bedrock": "aws", "aws_bedrock": "aws", "bedrock": "aws", "bedrock_converse": "aws", "amazon": "aws",
    "amazon-bedrock": "aws", "amazon_bedrock": "aws",
    "az.ai.inference": "azure", "az.ai.openai": "azure", "azure.ai.inference": "azure", "azure.ai.openai": "azure",
    "azure_ai": "azure", "azure_openai": "azure", "azure-openai": "azure", "azure_text": "azure", "azureopenai": "azure",
    "cloudflare-workers-ai": "cloudflare",
    "cohere_chat": "cohere",
    "fireworks_ai": "fireworks", "fireworks-ai": "fireworks",
    "gcp.gemini": "google", "gcp.gen_ai": "google", "gcp.vertex_ai": "google", "gemini": "google", "google_ai": "google",
    "google-ai-studio": "google", "google_genai": "google", "google_vertexai": "google", "vertex": "google",
    "vertex_ai": "google", "vertex_ai_beta": "google", "vertexai": "google", "vertex-ai": "google",
    "github_copilot": "github-copilot",
    "meta_llama": "meta",
    "mistral_ai": "mistral", "mistralai": "mistral",
    "moonshot": "moonshotai", "moonshot_ai": "moonshotai",
    "novita_ai": "novita",
    "perplexity_ai": "perplexity", "perplexityai": "perplexity",
    "text-completion-openai": "openai",
    "together_ai": "together", "together-ai": "together", "togetherai": "together",
    "voyage": "voyageai", "voyage_ai": "voyageai",
    "x_ai": "x-ai", "xai": "x-ai", "grok": "x-ai",
    "z-ai": "zai", "z.ai": "zai",
}  # fmt: skip
"""Other names → ours, which are genai-prices' ids. A provider that is in neither keeps its own name: nothing is guessed
from a part of it, because `my-openai-proxy` need not charge what OpenAI charges.
"""

MAKERS = frozenset({
    "anthropic", "arcee", "cohere", "cursor", "deepseek", "elevenlabs", "google", "meta", "minimax", "mistral",
    "moonshotai", "openai", "perplexity", "typesafe", "voyageai", "x-ai", "zai", "zhipuai",
})  # fmt: skip
"""Providers that sell models of their own: a bare model name means its maker, not one of its resellers."""

OPEN_WEIGHTS = ("gpt-oss",)
"""Models that carry their maker's prefix and that many sell, the maker itself not: their name means nobody."""

_BEDROCK = re.compile(
    r"(?:(?:us|eu|apac|au|ca|jp|global|us-gov)\.)?(?:ai21|amazon|anthropic|cohere|deepseek|meta|minimax|mistral|moonshot|nvidia|openai|qwen|stability|writer|zai)\."
)
_LAST_SEGMENT = {"aws", "azure", "google"}


def canonical(provider: str) -> str:
    """Our name of `provider`: lower case, aliases resolved; unknown names stay as they are."""
    name = provider.strip().lower()
    return ALIASES.get(name, name)


def spellings(provider: str, model: str) -> list[str]:
    """The names under which `provider` may list `model`, best first: as called, without the provider's prefix
    (`openai/gpt-4o`), and the last part of a resource path (`models/…`, `publishers/google/models/…`, an ARN).
    """
    model = unquote(model)  # a model taken from a URL: `cohere.embed-v4%3A0`
    names = [model]
    prefix, slash, rest = model.partition("/")
    if slash and canonical(prefix) == provider:
        names.append(rest)
    if slash and provider in _LAST_SEGMENT:
        names.append(model.rpartition("/")[2])
    return list(dict.fromkeys(name for name in names if name))


class Sellers(Protocol):
    """Who sells which model."""

    @property
    def providers(self) -> tuple[str, ...]:
        """Every provider."""
        ...

    def sells(self, provider: str, model: str) -> bool:
        """Whether `provider` itself lists a model under `model`."""
        ...

    def claims(self, provider: str, model: str) -> bool:
        """Whether the name `model` looks like one of `provider`'s own."""
        ...


def infer(model: str, sellers: Sellers) -> str | list[str]:
    """The provider that the bare name `model` means, or the candidates when it means several or none ([]).

    In order: a provider's own prefix (`openai/…`), Bedrock's shape (`anthropic.claude-…`), the one provider that
    claims the name and lists it, the one maker that lists it, the one provider that lists it.
    """
    open_weights = any(name in model for name in OPEN_WEIGHTS)
    prefix, slash, rest = model.partition("/")
    if slash and not open_weights and sellers.sells(owner := canonical(prefix), rest):
        return owner
    if _BEDROCK.match(model):
        return "aws"
    listing = [provider for provider in sellers.providers if sellers.sells(provider, model)]
    making = [provider for provider in listing if provider in MAKERS and not open_weights]
    claiming = [provider for provider in making if sellers.claims(provider, model)]
    for candidates in (claiming, making, listing):
        if len(candidates) == 1:
            return candidates[0]
    return claiming or making or [provider for provider in listing if not open_weights or provider not in MAKERS]
