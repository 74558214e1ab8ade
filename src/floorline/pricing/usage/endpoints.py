"""The endpoint's family, from the path of its URL."""

import re
from urllib.parse import urlsplit

_FAMILIES = (
    (r"/chat/completions(?:$|[/?#])", "chat.completions"),
    (r"/responses/compact$", "responses.compact"),
    (r"/responses(?:$|/)", "responses"),
    (r"/messages/count_tokens$", "messages.count_tokens"),
    (r"/messages$", "messages"),
    (r":(?:streamRawPredict|rawPredict)$", "messages"),
    (r":streamGenerateContent$", "streamGenerateContent"),
    (r":generateContent$", "generateContent"),
    (r":(?:batchEmbedContents|embedContent|predict)$", "embedContent"),
    (r":countTokens$", "countTokens"),
    (r"/cachedContents(?:$|/)", "cachedContents"),
    (r"/interactions(?:$|/)", "interactions"),
    (r"/model/[^/]+/converse-stream$", "converse-stream"),
    (r"/model/[^/]+/converse$", "converse"),
    (r"/model/[^/]+/invoke-with-response-stream$", "invoke-stream"),
    (r"/model/[^/]+/invoke$", "invoke"),
    (r"/agents/[^/]+(?:$|/agentAliases/)", "agents"),
    (r"/threads/.*runs", "assistants"),
    (r"/embeddings?$|/embed$|/api/embed$|/multimodalembeddings$", "embeddings"),
    (r"/rerank$", "rerank"),
    (r"/api/generate$", "generate"),
    (r"/api/chat$|/v[12]/chat$", "chat"),
    (r"/generation/text(?:_stream)?$|/text/(?:generation|chat)(?:_stream)?$", "generation"),
    (r"/images/(?:generations|edits|variations)$", "images"),
    (r"/audio/(?:transcriptions|translations|speech)$", "audio"),
    (r"/ocr$", "ocr"),
    (r"/completions$", "completions"),
)
_PATTERNS = tuple((re.compile(pattern), family) for pattern, family in _FAMILIES)


def endpoint_family(url: str) -> str:
    """The family of the endpoint that `url` (or its path alone) names, as the extraction calls it; '' when unknown."""
    path = urlsplit(url).path.rstrip("/")
    return next((family for pattern, family in _PATTERNS if pattern.search(path)), "")


def price_provider(provider: str, url: str) -> str:
    """The name under which `provider` is priced when it answered at `url`; '' when only the model's name can tell.

    Hugging Face's router sells each backend at the backend's prices: it is the first part of the path. An address
    (`localhost`) is no provider.
    """
    name = provider.strip().lower()
    if name == "localhost" or name.startswith("other:"):
        return ""
    if name == "huggingface":
        backend = urlsplit(url).path.strip("/").partition("/")[0]
        return f"huggingface_{backend}" if backend not in ("", "v1") else name
    return name
