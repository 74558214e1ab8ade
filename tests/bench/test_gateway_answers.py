"""When two answers count as the same."""

from floorline.bench.gateway.answers import ANY_DIGIT, compare, expected

WHOLE = (
    b'{"id":"c-1","created":1741569952,"choices":[{"message":{"role":"assistant","content":"hello"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2}}'
)


def stream(*words: str, usage: int = 2, end: bool = True, extra: str = "") -> bytes:
    events = [f'{{"choices":[{{"delta":{{"content":"{word}"}}}}]{extra}}}' for word in words]
    events.append('{"choices":[{"delta":{},"finish_reason":"stop"}]}')
    events.append(f'{{"choices":[],"usage":{{"prompt_tokens":7,"completion_tokens":{usage}}}}}')
    return "".join(f"data: {event}\n\n" for event in [*events, *(["[DONE]"] if end else [])]).encode()


def test_the_same_bytes_are_identical() -> None:
    assert compare(WHOLE, WHOLE) == "identical"


def test_the_time_stamps_of_the_upstream_may_differ() -> None:
    assert compare(stream("T0000000000000000001"), stream("T0000000000000000002")) == "identical"


def test_an_expected_answer_lets_any_digit_stand_in_for_those_of_a_time_stamp_and_of_created() -> None:
    masked = expected(b'{"created":1741569952,"content":"T0000000000000000001"}')
    assert masked == b'{"created":' + ANY_DIGIT * 10 + b',"content":"T' + ANY_DIGIT * 19 + b'"}'


def test_masking_twice_changes_nothing() -> None:
    assert expected(expected(stream("T0000000000000000001"))) == expected(stream("T0000000000000000001"))


def test_other_bytes_with_the_same_words_reason_and_usage_are_re_encoded() -> None:
    other = WHOLE.replace(b'"id":"c-1",', b'"id": "c-1", "service_tier": "default", ')
    assert compare(WHOLE, other) == "re-encoded"
    assert compare(stream("a", "b"), stream("a", "b", extra=',"obfuscation":"x"')) == "re-encoded"


def test_words_may_be_cut_into_other_chunks() -> None:
    assert compare(stream("a", "b"), stream("ab")) == "re-encoded"


def test_other_words_are_different() -> None:
    assert compare(WHOLE, WHOLE.replace(b"hello", b"hallo")) == "different"


def test_other_usage_is_different() -> None:
    assert compare(stream("a"), stream("a", usage=3)) == "different"


def test_a_stream_whose_end_is_missing_is_different() -> None:
    assert compare(stream("a"), stream("a", end=False)) == "different"


def test_an_error_is_different() -> None:
    assert compare(WHOLE, b'{"status":"failure","message":"Something went wrong"}') == "different"
    assert compare(WHOLE, b"<html>502 Bad Gateway</html>") == "different"
