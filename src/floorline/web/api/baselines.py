"""The API of baselines: `GET /api/v1/baselines` tells them with their changelog, `POST` declares one. docs/api.md has both."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated

import msgspec

from floorline.clock import day_of, timezone
from floorline.jobs.baselining import Baselines
from floorline.ledger.state import Audited
from floorline.ledger.surface import AnyLedger
from floorline.margin.baseline import FIELDS, declaration_of
from floorline.margin.changelog import entry_document, log_document
from floorline.margin.policy import Policies
from floorline.web.http import Asked, Page, Refused, Route, Told, json_page, read_body
from floorline.web.params import read_params

PATH = "/api/v1/baselines"
_Text = Annotated[str, msgspec.Meta(max_length=256)]


class _Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a POST."""

    feature: Annotated[_Text, msgspec.Meta(min_length=1)]
    start: date | None = msgspec.field(name="from", default=None)
    model: _Text = ""
    prompt: _Text = ""
    route: _Text = ""
    workflow: _Text = ""
    step: _Text = ""
    call_type: _Text = ""
    name: _Text = ""
    note: _Text = ""
    by: _Text = ""


class _Which(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The query of a GET."""

    feature: Annotated[_Text, msgspec.Meta(description="only of this feature")] = ""


_LISTED = Told(summary="The baselines in force today and their changelog", query=_Which)
_DECLARED = Told(summary="Declare a baseline", body=_Declared, status=201)


class BaselinePages:
    """Answers over the control process's own ledger."""

    def __init__(self, ledger: AnyLedger, policies: Policies, now: Callable[[], datetime]) -> None:
        self._ledger, self._now = ledger, now
        self._baselines = Baselines(ledger, policies)

    def routes(self) -> tuple[Route, ...]:
        """Viewers read them, editors declare them."""
        return (
            Route(method="GET", path=PATH, rule="viewer", answer=self._told, told=_LISTED),
            Route(method="POST", path=PATH, rule="editor", answer=self._declared, told=_DECLARED),
        )

    def _told(self, asked: Asked) -> Page:
        feature = read_params(_Which, asked.query, {}).feature
        now = self._now()
        return json_page(200, log_document(self._baselines.log(now), self._today(now), feature))

    def _declared(self, asked: Asked) -> Page:
        said = read_body(asked, _Declared)
        now = self._now()
        texts = {name: str(value) for name, value in msgspec.structs.asdict(said).items() if name != "start"}
        bad = next((name for name, value in texts.items() if not value.isprintable()), None)
        if bad is not None:
            raise Refused(400, "invalid", f"{bad} has characters that cannot be printed: leave them out")
        if not any(texts[name] for name in (*FIELDS, "name")):
            raise Refused(400, "invalid", "nothing is said of the baseline: add a model, prompt, route or name")
        texts["by"] = texts["by"] or asked.sure.name
        declaration = declaration_of(said.feature, said.start or self._today(now), texts)
        entry = self._baselines.declare(declaration, "api", now)
        audited = Audited(at=now, actor=asked.sure.name, action="baseline.declare", subject=entry.id)
        self._ledger.state.audit(audited)
        return json_page(201, entry_document(entry))

    def _today(self, now: datetime) -> date:
        return day_of(now, timezone(self._ledger.timezone))
