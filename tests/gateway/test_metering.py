"""The copy of an answer that its usage is read from: decompressed to the same bytes, however it came."""

import gzip
import random
import zlib

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.gateway.metering import DECODED_BYTES_MAX, decoder


def raw_deflate(body: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return engine.compress(body) + engine.flush()


ENCODERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    " deflate ": raw_deflate,
    "br": lambda body: brotli.compress(body, quality=1),
}


def decoded(encoding: str, pieces: list[bytes]) -> bytes:
    decode = decoder(encoding)
    assert decode is not None
    return b"".join([decode(piece) for piece in pieces])


@settings(deadline=None)
@given(
    body=st.binary(max_size=3_000),
    cuts=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    encoding=st.sampled_from(sorted(ENCODERS)),
)
def test_every_cut_of_every_encoding_gives_the_same_bytes(body: bytes, cuts: list[int], encoding: str) -> None:
    encoded, pieces, at = ENCODERS[encoding](body), [], 0
    while at < len(encoded):
        pieces.append(encoded[at : at + cuts[len(pieces) % len(cuts)]])
        at += len(pieces[-1])
    assert decoded(encoding, pieces) == body


@pytest.mark.parametrize("encoding", sorted(ENCODERS))
@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (2 << 20) + 17, 5 << 20])
def test_answers_larger_than_one_step_are_read_to_their_end(encoding: str, size: int) -> None:
    chance = random.Random(size)
    for body in (chance.randbytes(size // 2).hex().encode(), bytes(size)):
        assert decoded(encoding, [ENCODERS[encoding](body)]) == body


def test_several_gzip_members_are_one_answer() -> None:
    assert decoded("gzip", [gzip.compress(b"one ") + gzip.compress(b"two")]) == b"one two"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_what_is_not_encoded_as_it_says_is_not_read_and_breaks_nothing(encoding: str) -> None:
    assert decoded(encoding, [b"plain", b" text" * 100]) == b""


def test_plain_answers_are_read_as_they_are_and_unknown_encodings_not_at_all() -> None:
    assert decoder("") is None
    assert decoder("identity") is None
    assert decoded("zstd", [b"anything"]) == b""


@pytest.mark.prove
def test_what_blows_up_is_not_read_without_end() -> None:
    bomb = gzip.compress(bytes(DECODED_BYTES_MAX // 8)) * 10
    decode = decoder("gzip")
    assert decode is not None
    total = sum(len(decode(bomb[at : at + 65_536])) for at in range(0, len(bomb), 65_536))
    assert total <= DECODED_BYTES_MAX + (1 << 20)
