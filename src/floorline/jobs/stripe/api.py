"""Stripe's API, as far as it is read: objects and lists by GET, with pauses where it asks for them."""

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import IO, cast

import msgspec

from floorline import __version__
from floorline.errors import BadInput, FloorlineError
from floorline.ingest.files import parse_json
from floorline.ingest.stripe.objects import Obj, items, mapping, reference

PAGE_OBJECTS = 100
TIMEOUT_S = 30
BODY_BYTES_MAX = 64 << 20
TRIES = 6
WAIT_S_MAX = 30

Parameters = Mapping[str, str | int | Sequence[str]]


class StripeDown(FloorlineError):
    """Stripe cannot be asked now: no connection, an error of its own, or too many requests."""


class StripeMissing(FloorlineError):
    """There is no such object."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the key is for one host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """No other request."""
        del req, fp, code, msg, headers, newurl


class StripeApi:
    """GET requests with one key. Certificates are verified; the environment's proxies are used."""

    def __init__(self, key: str, base: str, *, sleep: Callable[[int], None] = time.sleep) -> None:
        self._key, self._base, self._sleep = key, base.rstrip("/"), sleep
        self._opener = urllib.request.build_opener(_Stay)
        self.said_at = 0
        """The time (epoch seconds) on Stripe's clock when it last answered, 0 when it did not say."""

    def get(self, path: str, parameters: Parameters | None = None) -> Obj:
        """The object at `path`. StripeMissing when there is none, StripeDown when it cannot be had now, BadInput when the
        key is not taken.
        """
        query = urllib.parse.urlencode(parameters or {}, doseq=True)
        url = f"{self._base}{path}?{query}" if query else f"{self._base}{path}"
        for number in range(1, TRIES + 1):
            try:
                return self._once(url)
            except urllib.error.HTTPError as error:
                with error:
                    wait_s = _retry_after(error, number)
                    if error.code not in {429, 500, 502, 503, 504} or number == TRIES:
                        raise _failure(error, path) from error
            except (OSError, http.client.HTTPException) as error:
                if number == TRIES:
                    raise StripeDown(f"{self._base} does not answer: {error}") from error
                wait_s = min(2 ** (number - 1), WAIT_S_MAX)
            self._sleep(wait_s)
        raise AssertionError("the last try returns or raises")

    def pages(self, path: str, parameters: Parameters | None = None) -> Iterator[list[Obj]]:
        """The list at `path`, newest first, page by page."""
        after: dict[str, str] = {}
        while True:
            page = self.get(path, {"limit": PAGE_OBJECTS, **(parameters or {}), **after})
            found = items(page.get("data"))
            yield found
            if not page.get("has_more") or not found:
                return
            after = {"starting_after": reference(found[-1])}

    def all(self, path: str, parameters: Parameters | None = None) -> list[Obj]:
        """The whole list at `path`."""
        return [obj for page in self.pages(path, parameters) for obj in page]

    def _once(self, url: str) -> Obj:
        request = urllib.request.Request(url, headers={  # noqa: S310 - http and https alone, checked by the configuration
            "authorization": f"Bearer {self._key}", "user-agent": f"floorline/{__version__}",
        })  # fmt: skip
        with self._opener.open(request, timeout=TIMEOUT_S) as answer:
            answered = cast("http.client.HTTPResponse", answer)
            body = answered.read(BODY_BYTES_MAX + 1)
            self.said_at = _epoch(answered.headers.get("date"))
        if len(body) > BODY_BYTES_MAX:
            raise StripeDown(
                f"an answer of more than {BODY_BYTES_MAX} bytes is not Stripe's: is stripe.api_base right?"
            )
        try:
            return mapping(parse_json(body))
        except ValueError as error:
            raise StripeDown(f"{self._base} answered with what is not JSON: {error}") from error


def _retry_after(error: urllib.error.HTTPError, number: int) -> int:
    stated = error.headers.get("retry-after", "")
    return min(int(stated) if stated.isascii() and stated.isdigit() else 2 ** (number - 1), WAIT_S_MAX)


def _failure(error: urllib.error.HTTPError, path: str) -> FloorlineError:
    if error.code == 404:
        return StripeMissing(f"Stripe has no {path}")
    if error.code in {401, 403}:
        return BadInput(
            f"Stripe does not take the key for {path} ({error.code}): stripe.api_key needs to read invoices, credit notes, "
            f"refunds, charges, customers, subscriptions, prices, products and events"
        )
    said = _message(error)
    if error.code in {429, 500, 502, 503, 504}:
        return StripeDown(f"Stripe answers {error.code} to {path} after {TRIES} tries{said}")
    return BadInput(f"Stripe answers {error.code} to {path}{said}")


def _message(error: urllib.error.HTTPError) -> str:
    try:
        body = mapping(msgspec.json.decode(error.read(1 << 16)))
    except (OSError, msgspec.DecodeError):
        return ""
    return f": {said}" if (said := mapping(body.get("error")).get("message")) else ""


def _epoch(date: str | None) -> int:
    if date is None:
        return 0
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except ValueError:
        return 0
