"""The routes of a view and of an action: everything that can be asked of a page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from floorline.ledger.state import Audited
from floorline.web.blocks import Shown, Table
from floorline.web.desk import Desk
from floorline.web.document import document
from floorline.web.http import Asked, Page, Refused, Route, Told, json_page, moved, read_body, read_form
from floorline.web.params import Params, address, read_params
from floorline.web.parquet import parquet_bytes
from floorline.web.tables import arranged, csv_text
from floorline.web.view import Action, Deed, Done, View
from floorline.web.who import CSRF_FIELD

API = "/api/v1"
SAID = "said"
"""The cookie that carries one sentence from an action to the page after it."""

_SAID_CHARACTERS_MAX = 300
_PARQUET = "application/vnd.apache.parquet"


class Draws(Protocol):
    """What makes HTML of a page's content."""

    def page(self, view: View[Any], shown: Shown, params: Params, asked: Asked) -> Page:
        """A page."""
        ...

    def once(self, shown: Shown, asked: Asked) -> Page:
        """A page that has no address: what an action shows once."""
        ...


Build = Callable[[View[Any], Desk, Params], Shown]


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """What a download is of."""

    table: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """Makes routes. `build` is `View.build`, or what remembers its content for a while; `changed` is called after an action."""

    desk: Desk
    draws: Draws
    build: Build
    changed: Callable[[], None]

    def of_view(self, view: View[Any]) -> tuple[Route, ...]:
        """HTML, JSON twin, API, CSV, Parquet."""

        def html(asked: Asked) -> Page:
            params = read_params(view.params, asked.query, asked.names, form=True)
            return self.draws.page(view, self._shown(view, params), params, asked)

        def twin(asked: Asked) -> Page:
            return json_page(200, document(self._shown(view, read_params(view.params, asked.query, asked.names))))

        def download(kind: str) -> Callable[[Asked], Page]:
            return lambda asked: self._download(view, asked, kind)

        told = Told(summary=view.said, query=view.params, answer=Shown)
        base = "/index" if view.path == "/" else view.path
        return (
            Route(method="GET", path=view.path, rule=view.rule, answer=html),
            Route(method="GET", path=f"{base}.json", rule=view.rule, answer=twin),
            Route(method="GET", path=f"{API}{base}", rule=view.rule, answer=twin, told=told),
            Route(method="GET", path=f"{base}.csv", rule=view.rule, answer=download("csv")),
            Route(method="GET", path=f"{base}.parquet", rule=view.rule, answer=download("parquet")),
        )

    def of_action(self, action: Action[Any]) -> tuple[Route, ...]:
        """The form, and the API."""
        told = Told(summary=action.said, body=action.body, status=action.status)
        return (
            Route(method="POST", path=action.path, rule=action.rule, answer=lambda asked: self._formed(action, asked)),
            Route(
                method="POST",
                path=f"{API}{action.path}",
                rule=action.rule,
                answer=lambda asked: self._asked(action, asked),
                told=told,
            ),
        )

    def _shown(self, view: View[Any], params: Params) -> Shown:
        return arranged(self.build(view, self.desk, params), params.sort, params.page)

    def _download(self, view: View[Any], asked: Asked, kind: str) -> Page:
        pairs = [part for part in asked.query.split("&") if part and not part.startswith("table=")]
        which = next((part[6:] for part in asked.query.split("&") if part.startswith("table=")), "")
        params = read_params(view.params, "&".join(pairs), asked.names)
        shown = self.build(view, self.desk, params)
        table = _chosen(shown.tables, which)
        name = quote(f"{view.path.strip('/').split('/')[0] or 'index'}-{table.name}.{kind}", safe="")
        headers = [("content-disposition", f'attachment; filename="{name}"')]
        if kind == "csv":
            return Page(200, "text/csv; charset=utf-8", csv_text(table), headers)
        return Page(200, _PARQUET, parquet_bytes(table), headers)

    def _formed(self, action: Action[Any], asked: Asked) -> Page:
        given = {name: value for name, value in read_form(asked).items() if name != CSRF_FIELD and value}
        try:
            body = msgspec.convert(given, action.body, strict=False)
        except msgspec.ValidationError as error:
            raise Refused(400, "invalid", f"{error}: mend that field and send the form again") from error
        done = self._done(action, asked, body)
        if done.shown is not None:
            return self.draws.once(done.shown, asked)
        said = quote(done.said[:_SAID_CHARACTERS_MAX], safe="")
        return moved(done.to, ("set-cookie", f"{SAID}={said}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"))

    def _asked(self, action: Action[Any], asked: Asked) -> Page:
        body = read_body(asked, action.body) if asked.body else _convert({}, action.body)
        done = self._done(action, asked, body)
        return json_page(action.status, {"done": done.said, **done.document})

    def _done(self, action: Action[Any], asked: Asked, body: msgspec.Struct) -> Done:
        who = asked.sure
        done = action.run(self.desk, Deed(who=who, names=asked.names), body)
        if not done.audited:
            self.desk.state.audit(
                Audited(
                    at=self.desk.now(), actor=who.name, action=action.name, subject=done.subject, detail=done.detail
                )
            )
        self.changed()
        return done


def download_address(view: View[Any], params: Params, table: str, kind: str) -> str:
    """Where a table of a page is had as `csv` or `parquet`, with the filters of `params`."""
    base = "/index" if view.path == "/" else view.path
    return address(f"{base}.{kind}", msgspec.structs.replace(params, sort="", page=""), table=table)


def _chosen(tables: Sequence[Table], name: str) -> Table:
    if not name and tables:
        return tables[0]
    found = next((table for table in tables if table.name == name), None)
    if found is None:
        names: Mapping[str, None] = dict.fromkeys(table.name for table in tables)
        raise Refused(
            404, "not_found", f"there is no table {name[:80]!r} here: {', '.join(names) or 'the page has none'}"
        )
    return found


def _convert(given: Mapping[str, object], type_: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return msgspec.convert(given, type_)
    except msgspec.ValidationError as error:
        raise Refused(400, "invalid", f"{error}: mend that and send it again") from error
