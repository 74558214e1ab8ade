"""The short way for plain chat completions gives what the general way gives, or leaves the answer to it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from floorline.pricing.usage import Extraction
from floorline.pricing.usage.answer import extract
from floorline.pricing.usage.gather import Gathered
from floorline.pricing.usage.plain import plain_chat
from tests.pricing.usage.recorded import bodies_of_chats

COUNT = st.one_of(st.integers(0, 500), st.sampled_from([None, -1, 1.5, 28.0, True, "7", 10**13]))
PROMPT = st.none() | st.fixed_dictionaries(
    {}, optional={"cached_tokens": COUNT, "audio_tokens": COUNT, "image_tokens": COUNT}
)
COMPLETION = st.none() | st.fixed_dictionaries(
    {}, optional={"reasoning_tokens": COUNT, "audio_tokens": COUNT, "accepted_prediction_tokens": COUNT}
)
USAGE = st.fixed_dictionaries(
    {},
    optional={
        "prompt_tokens": COUNT, "completion_tokens": COUNT, "total_tokens": COUNT,
        "prompt_tokens_details": PROMPT, "completion_tokens_details": COMPLETION, "cost": st.just(0.5),
    },
)  # fmt: skip
ANSWER = st.fixed_dictionaries(
    {"usage": USAGE},
    optional={
        "id": st.just("chatcmpl-1"), "object": st.just("chat.completion"), "model": st.sampled_from(["gpt-4o", "", None]),
        "choices": st.just([{"message": {"content": "usage"}}]), "service_tier": st.sampled_from([None, "auto", "default", "flex", "batch"]),
        "system_fingerprint": st.none(), "x_groq": st.just({"usage": {"prompt_tokens": 1}}),
    },
)  # fmt: skip


def general(document: bytes) -> Extraction:
    gathered = Gathered(endpoint="chat.completions")
    gathered.take(document, streamed=True)
    return extract("openai", gathered, {})


@given(ANSWER)
def test_a_drawn_answer_is_read_alike_on_both_ways(answer: dict[str, object]):
    document = json.dumps(answer).encode()
    plain = plain_chat("openai", "chat.completions", document)
    assert plain is None or plain == general(document)


def test_every_recorded_answer_is_read_alike_on_both_ways_and_most_are_plain():
    documents = bodies_of_chats()
    read = [(plain_chat("openai", "chat.completions", document), document) for document in documents]
    plain = [(found, document) for found, document in read if found is not None]
    assert len(plain) > len(documents) // 4
    for found, document in plain:
        assert found == general(document)


def test_what_is_not_plain_is_left_to_the_general_way():
    for usage in (
        {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "prompt_tokens_details": {"cached_tokens": 5}},
        {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "prompt_tokens_details": {"audio_tokens": 1}},
        {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "cost": 1},
    ):
        document = json.dumps({"model": "gpt-4o", "usage": usage}).encode()
        assert plain_chat("openai", "chat.completions", document) is None
    document = json.dumps(
        {"model": "grok-4", "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}
    ).encode()
    assert plain_chat("x-ai", "chat.completions", document) is None
    assert plain_chat("openai", "responses", document) is None
