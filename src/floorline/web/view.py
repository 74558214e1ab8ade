"""A view: one page with five faces, all of the same content. And an action: what a page can do.

/features            HTML                   /features.json and /api/v1/features     the document
/features.csv        one table, ?table=     /features.parquet                       the same with its types
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import msgspec

from floorline.jobs.uncollected import uncollected
from floorline.web.blocks import Shown
from floorline.web.desk import Desk
from floorline.web.params import Params
from floorline.web.who import Role, Who

Group = Literal["Margin", "Decide", "Operate", "Data", "Access", ""]
"""Where the navigation lists it; '' for pages that others lead to."""

FRESH_S = 10
P = TypeVar("P", bound=Params)
B = TypeVar("B", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Generic[P]):
    """A page at `path`, whose names in braces are fields of `params` too. `build` makes its content, in a thread of its own;
    it may raise Refused (404 for what is not there). `key` is the navigation's single key after `g`.

    What was built is used again for `fresh_s` seconds when the same is asked; 0 for what must be new each time. `scripts` are
    modules of static/ beside app.js.
    """

    path: str
    title: str
    params: type[P]
    build: Callable[[Desk, P], Shown]
    said: str
    group: Group = ""
    key: str = ""
    rule: Role = "viewer"
    fresh_s: int = FRESH_S
    scripts: tuple[str, ...] = ()
    windowed: bool = True
    """Whether the page shows the picker of days."""
    compares: bool = True
    """Whether that picker offers days to compare with."""

    def made(self, desk: Desk, params: P) -> Shown:
        """The page's content. What its figures ask in common is asked once, and nothing looks for cycles meanwhile."""
        with uncollected():
            return self.build(desk.once(), params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Whoever does something, what the path names, and when."""

    who: Who
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done: where the browser goes next, a sentence that it shows there, and what the API answers. `subject` and
    `detail` go into the audit trail; `shown` replaces the redirect by a page, for what is shown once and must not be in an
    address. `audited`: what did it has kept it there already, as it does for commands.
    """

    to: str
    said: str
    subject: str
    detail: str = ""
    audited: bool = False
    document: Mapping[str, object] = field(default_factory=dict[str, object])
    shown: Shown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Generic[B]):
    """Something that is done at `path` by POST: as a form of a page, and as JSON below /api/v1. `body` are its fields, and
    `run` does it: it may raise Refused, 409 where the thing is not as the page showed it. Each is kept in the audit trail
    under `name`.
    """

    path: str
    name: str
    body: type[B]
    run: Callable[[Desk, Deed, B], Done]
    said: str
    rule: Role = "editor"
    status: int = 200


class Nothing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of an action that needs none."""


AnyView = View[Params]
AnyAction = Action[msgspec.Struct]
