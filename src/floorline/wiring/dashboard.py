"""The dashboard over a control process's own ledger: what its pages read, every route, and who may ask them. A reload of the
configuration makes the routes anew.
"""

import logging
import secrets
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime
from functools import cache
from typing import Any

import msgspec

from floorline.clock import day_of, timezone
from floorline.config import Config
from floorline.gateway.issuing import Issuer
from floorline.gateway.keyring_file import KEYRING_NAME
from floorline.guardrails.outlook import document
from floorline.guardrails.rules import Guardrails
from floorline.jobs.control import Control
from floorline.jobs.customer_usage import CustomerUsage
from floorline.jobs.first_call import has_calls
from floorline.jobs.stripe.inbox import Inbox
from floorline.ledger.ledger import Ledger
from floorline.ledger.shelf import Shelf
from floorline.web.access.doors import CALLBACK, LOGIN, Doors
from floorline.web.access.entrance import Entrance
from floorline.web.access.oidc import Provider
from floorline.web.access.passwords import Passwords
from floorline.web.access.policy import WebPolicy
from floorline.web.access.records import Records
from floorline.web.access.throttle import SHELF as THROTTLE
from floorline.web.access.throttle import Buckets, Throttle
from floorline.web.answering import Answering
from floorline.web.api.baselines import BaselinePages
from floorline.web.api.feedback import FeedbackPages
from floorline.web.api.health import ControlPages
from floorline.web.api.stripe import Webhook
from floorline.web.api.usage import UsagePages
from floorline.web.app import Site
from floorline.web.assets import Assets
from floorline.web.blocks import Shown
from floorline.web.desk import Desk
from floorline.web.drawing import Chrome, Drawing
from floorline.web.faces import Faces
from floorline.web.http import Page, Route, Stream, moved
from floorline.web.machine import DemoLoader
from floorline.web.memo import Holding, Memo
from floorline.web.openapi import route_of
from floorline.web.opened import SHELF as OPENED
from floorline.web.opened import Opened, OpenedPages
from floorline.web.pages import ACTIONS, STREAMS, VIEWS
from floorline.web.pages.start import PATH as START
from floorline.web.params import Params, read_params
from floorline.web.preparing import Preparing, Wanted
from floorline.web.view import View
from floorline.web.who import Access
from floorline.wiring import load_book, now, open_content, signing_secret, webhook_secrets
from floorline.wiring.demo_loading import demo_loader
from floorline.wiring.machine import machine_of
from floorline.wiring.settings_shown import config_shown

log = logging.getLogger(__name__)

KEPT_S = 60
SERVED_S = 600
"""How old a document may be that takes long to make and is shown while the next one is made: it says as of when it is."""

MEMO_ROWS_MAX = 400_000
"""Rows of all pages that are remembered: about 200 MB of them."""

AGAIN_S = 300
"""How old a dear document becomes while it is kept ready: well before it is too old to be shown."""

PAGE_ROWS = 50
"""What a page weighs besides its rows: its cards, words and specifications are remembered too, and an empty page of every
filter that somebody thinks of fills the memory as well.
"""


class Dashboard:
    """One control process's dashboard. `site` is the ASGI application, `prepare` makes what the first page needs and keeps dear pages
    ready from then on, until `close`; `routes` and `streams` are everything that it answers.
    """

    routes: Sequence[Route]
    streams: Sequence[Stream]

    def __init__(
        self, control: Control, config: Config, access: Access, reload: Callable[[], None] = lambda: None
    ) -> None:
        """`reload` has the process read its configuration again."""
        self._control, self._access = control, access
        self._demo = demo_loader(config, control.ledger, reload)
        self._assets = Assets(control.ledger.home / "web")
        self._renewing = ThreadPoolExecutor(1, thread_name_prefix="pages")
        self._memo: Memo[Shown] = Memo(
            now_s=time.monotonic,
            generation=lambda: control.ledger.generation,
            weigh=_rows,
            weight_max=MEMO_ROWS_MAX,
            later=self._later,
        )
        ledger = control.ledger
        opened = OpenedPages(Shelf(ledger.state, OPENED, Opened), VIEWS)
        self._preparing = Preparing(
            always=_main_pages(),
            before=opened.all(),
            prepare=self._prepare,
            note=opened.note,
            now_s=time.monotonic,
            now=now,
        )

        def today() -> date:
            return day_of(now(), timezone(ledger.timezone))

        ledger.remember(today=today)
        chrome = Chrome(
            views=VIEWS,
            assets=self._assets,
            timezone=lambda: ledger.timezone,
            today=today,
            login=LOGIN,
        )
        self._drawing = Drawing(chrome)
        self._passwords = Passwords()
        self._throttle = Throttle(Shelf(ledger.state, THROTTLE, Buckets), signing_secret)
        self.site = Site(Answering(access, self._drawing.error))
        self.load(config)

    def prepare(self) -> None:
        """Make the charts' runtime, so that the first page does not wait for it, and begin to keep dear pages ready."""
        self._assets.prepare()
        self._preparing.start()

    def close(self) -> None:
        """End with the page that is being made, and keep what the next process goes on with: the ledger may be closed then."""
        self._preparing.stop()
        self._renewing.shutdown(cancel_futures=True)
        self._throttle.close(now())

    def load(self, config: Config) -> None:
        """Answer by `config` from now on."""
        self._memo.forget()
        self._desk = desk_of(config, self._control, self._demo)
        self.routes, self.streams = self._routes(config, self._desk)
        self.site.serve(self.routes, self.streams)

    def _routes(self, config: Config, desk: Desk) -> tuple[Sequence[Route], Sequence[Stream]]:
        faces = Faces(desk=desk, draws=self._drawing, build=self._build, changed=self._memo.forget)
        routes = [
            Route(method="GET", path="/", rule="viewer", answer=lambda _: _first(desk)),
            self._assets.route(),
            *ControlPages(self._control).routes(),
            *self._doors(config.web).routes(),
            *api_routes(config, self._control.ledger),
            *(route for view in VIEWS for route in faces.of_view(view)),
            *(route for action in ACTIONS for route in faces.of_action(action)),
        ]
        return (*routes, route_of(routes)), [stream(desk) for stream in STREAMS]

    def _doors(self, policy: WebPolicy) -> Doors:
        ledger = self._control.ledger
        records = Records.of(ledger.state, policy)
        redirect = f"{policy.public_url}{CALLBACK}"
        return Doors(
            records=records,
            entrance=Entrance(records, self._passwords, self._throttle),
            policy=policy,
            provider=Provider(policy.oidc, redirect, now) if policy.oidc else None,
            draws=self._drawing,
            now=now,
            timezone=lambda: ledger.timezone,
        )

    def _later(self, task: Callable[[], None]) -> None:
        """Make a page anew after its answer, one at a time."""
        self._renewing.submit(task).add_done_callback(_told)

    def _build(self, view: View[Any], desk: Desk, params: Params) -> Shown:
        """What the view shows, made once for all who ask the same within seconds."""
        page = Wanted(view, msgspec.structs.replace(params, sort="", page=""))
        shown = self._memo.get(_key(page), lambda: view.made(desk, page.params), _holding(view))
        if view.fresh_s:
            self._preparing.opened(page)
        return shown

    def _prepare(self, page: Wanted) -> Future[bool]:
        """Make a page that nobody has asked for yet, if it is to be made now."""
        desk, view = self._desk, page.view

        def prepare() -> bool:
            return self._memo.prepare(_key(page), lambda: view.made(desk, page.params), _holding(view), AGAIN_S)

        asked = self._renewing.submit(prepare)
        asked.add_done_callback(_told)
        return asked


def desk_of(config: Config, control: Control, demo: DemoLoader | None = None) -> Desk:
    """What pages read."""
    book, about_prices = load_book(config)
    ledger = control.ledger
    keyring = ledger.home / KEYRING_NAME
    return Desk(
        ledger=ledger,
        policies=config.policies,
        now=now,
        gateway=config.gateway,
        reviews=config.reviews,
        web=config.web,
        tuning=config.alerts.tuning,
        health=control.health,
        content=open_content,
        settings=config_shown(config, book, about_prices),
        book=lambda: book,
        issuer=lambda actor: Issuer(ledger.state, keyring, signing_secret(), secrets.token_bytes, actor=actor),
        machine=lambda: machine_of(ledger.home, config),
        demo=demo,
    )


def api_routes(config: Config, ledger: Ledger) -> tuple[Route, ...]:
    """The routes that are no page's."""
    webhook = Webhook(lambda: Inbox(ledger.state), webhook_secrets(config))
    usage = CustomerUsage(ledger.store, config.gateway.allowance.budgets)

    def used(customer: str, at: datetime) -> object:
        return document(customer, usage.of(customer, at), at)

    return (
        *BaselinePages(ledger, config.policies, now).routes(),
        *FeedbackPages(ledger, config.gateway.guardrails or Guardrails(), now).routes(),
        *UsagePages(used, cache(signing_secret), ledger.state.audit, now).routes(),
        webhook.route(),
    )


def _first(desk: Desk) -> Page:
    """The first page: how data gets in while there is none."""
    return moved(VIEWS[0].path if has_calls(desk.ledger) else START)


def _main_pages() -> list[Wanted]:
    """The pages that the navigation leads to, as they are opened first."""
    return [Wanted(view, read_params(view.params, "", {})) for view in VIEWS if view.group and view.fresh_s]


def _key(page: Wanted) -> Hashable:
    return page.view.path, page.params


def _holding(view: View[Any]) -> Holding:
    remembered = view.fresh_s > 0
    return Holding(
        fresh_s=view.fresh_s,
        kept_s=max(view.fresh_s, KEPT_S if remembered else 0),
        served_s=SERVED_S if remembered else 0,
    )


def _rows(shown: Shown) -> int:
    return PAGE_ROWS + sum(len(table.rows) for table in shown.tables)


def _told(renewed: Future[Any]) -> None:
    if not renewed.cancelled() and (error := renewed.exception()):
        log.error("a page could not be made anew and is shown as it was", exc_info=error)
