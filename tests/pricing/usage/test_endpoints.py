"""Endpoint families from URLs: every recorded one, and the names under which providers are priced."""

import pytest

from floorline.pricing.usage import endpoint_family, price_provider
from tests.pricing.usage.recorded import records


@pytest.mark.parametrize(
    ("url", "family"),
    [
        ("https://api.openai.com/v1/chat/completions", "chat.completions"),
        ("/v1/responses?stream=true", "responses"),
        ("https://x.openai.azure.com/openai/deployments/d/embeddings?api-version=1", "embeddings"),
        ("/v1/messages", "messages"),
        ("/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict", "messages"),
        ("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", "streamGenerateContent"),
        ("/model/us.anthropic.claude-x/converse-stream", "converse-stream"),
        ("/model/arn%3Aaws%3A1/invoke-with-response-stream", "invoke-stream"),
        ("https://api.cohere.com/v2/chat", "chat"),
        ("https://api.cohere.com/v2/rerank", "rerank"),
        ("/somewhere/else", ""),
    ],
)
def test_a_path_names_its_family(url, family):
    assert endpoint_family(url) == family


def test_recorded_urls_name_the_recorded_family():
    other = {
        (record.endpoint, endpoint_family(record.url))
        for record in records()
        if endpoint_family(record.url) != record.endpoint
    }
    assert other == {("grpc.chat", ""), ("/query", ""), ("apply-guardrail", "")}  # none of these is an HTTP model API


def test_a_router_is_priced_by_its_backend_and_an_address_by_the_models_name():
    assert (
        price_provider("huggingface", "https://router.huggingface.co/together/v1/chat/completions")
        == "huggingface_together"
    )
    assert price_provider("huggingface", "https://router.huggingface.co/v1/chat/completions") == "huggingface"
    assert price_provider("localhost", "http://localhost:8000/v1/completions") == ""
    assert price_provider("openai", "") == "openai"
