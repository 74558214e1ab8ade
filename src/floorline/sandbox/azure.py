"""The Azure LLM inference trace of 2023: time, input tokens and output tokens of each call of a production service.

Source: github.com/Azure/AzurePublicDataset, CC-BY-4.0; Patel et al., "Splitwise", ISCA 2024. The trace names no
client, so every call belongs to the one client `azure`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from floorline.errors import BadInput
from floorline.sandbox.traces import TracedCall, read_lines

HEADER = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
_MICROSECONDS = re.compile(r"(\.\d{6})\d+")  # the trace has seven digits, a datetime six
_TOKENS_MAX = 100_000_000


def read_azure(path: Path) -> Iterator[TracedCall]:
    """The calls of the CSV (plain or gzip) in file order. BadInput names the line that is wrong."""
    first: datetime | None = None
    columns: list[int] | None = None
    for number, line in read_lines(path):
        fields = line.strip().split(",")
        if columns is None:
            columns = _columns(path, fields)
            continue
        if not line.strip():
            continue
        try:
            text, *tokens = (fields[column] for column in columns)
            at = _instant(text)
            inputs, outputs = (int(value) for value in tokens)
        except (ValueError, IndexError) as error:
            raise BadInput(f"{path}:{number}: expected {','.join(HEADER)} and got {line[:80]!r}") from error
        if not (0 <= inputs <= _TOKENS_MAX and 0 <= outputs <= _TOKENS_MAX):
            raise BadInput(f"{path}:{number}: {inputs} and {outputs} tokens are out of range")
        first = first or at
        if at < first:
            raise BadInput(f"{path}:{number}: {text} is before the first call of the trace: sort it by time")
        offset = at - first
        yield TracedCall(
            position=str(number),
            at_us=(offset.days * 86_400 + offset.seconds) * 1_000_000 + offset.microseconds,
            client="azure",
            input_tokens=inputs,
            output_tokens=outputs,
        )
    if first is None:
        raise BadInput(f"{path}: no call in it: is this AzureLLMInferenceTrace_*.csv?")


def _columns(path: Path, header: list[str]) -> list[int]:
    if missing := [name for name in HEADER if name not in header]:
        raise BadInput(f"{path}:1: no column {', '.join(missing)}: expected the header {','.join(HEADER)}")
    return [header.index(name) for name in HEADER]


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(_MICROSECONDS.sub(r"\1", text.strip()))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
