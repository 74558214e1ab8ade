"""The one list of the control process's jobs. A reload of the configuration makes it anew."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from floorline.config import Config
from floorline.jobs.backlogging import Backlog
from floorline.jobs.baselining import Baselines
from floorline.jobs.budget_audit import compare_counters
from floorline.jobs.budget_history import EVERY as HISTORY_EVERY
from floorline.jobs.budget_history import publish as publish_history
from floorline.jobs.certificate_messages import tell_of
from floorline.jobs.certifying import EVERY as CERTIFY_EVERY
from floorline.jobs.certifying import CertifyingJob
from floorline.jobs.customer_figures import EVERY as FIGURES_EVERY
from floorline.jobs.customer_figures import publish
from floorline.jobs.delivering import EVERY as DELIVER_EVERY
from floorline.jobs.delivering import deliver
from floorline.jobs.experimenting import EVERY as LABEL_EVERY
from floorline.jobs.experimenting import by_outcome, label_outcomes
from floorline.jobs.fair_use import run as look_for_fair_use
from floorline.jobs.guard_events import forget as forget_guard_events
from floorline.jobs.margins import Margins
from floorline.jobs.quarterly_reviewing import QuarterlyReviewer
from floorline.jobs.reconciling import COUNTERS
from floorline.jobs.review_rendering import deliver as deliver_review
from floorline.jobs.reviewing import Reviewer
from floorline.jobs.schedule import Job, daily, quarterly, weekly
from floorline.jobs.stripe.syncing import Syncing
from floorline.jobs.upkeep import purge_content, verify_ledger
from floorline.ledger.ledger import Ledger
from floorline.wiring import load_book, now, stripe_account
from floorline.wiring.alerting import Alerting
from floorline.wiring.drilling import run_job

QUIET = time(3, 17)
"""When a day's heavy work is done, by the clock of the reporting timezone."""


BASELINES = time(1, 40)
"""When the days that are over are looked at for new baselines, before what compares them."""


def control_jobs(config: Config, ledger: Ledger, behind: Callable[[], timedelta] | None = None) -> tuple[Job, ...]:
    """Every job, over the control process's own ledger; `behind` is how far the collector is."""
    zone, alerting = ZoneInfo(ledger.timezone), Alerting(config, ledger, behind)
    return (
        *_stripe_jobs(config, ledger),
        Job(name="deliver", every=DELIVER_EVERY, run=lambda now: deliver(ledger.state, config.routes, now)),
        Job(
            name="baselines",
            every=daily(BASELINES, zone),
            run=lambda now: str(Baselines(ledger, config.policies).detect(now)),
            deadline=timedelta(minutes=30),
        ),
        Job(name="content", every=timedelta(hours=1), run=lambda now: purge_content(ledger.home, now)),
        Job(
            name="verify",
            every=daily(QUIET, zone),
            run=_timeless(lambda: verify_ledger(ledger)),
            deadline=timedelta(hours=1),
        ),
        Job(
            name="guard-events",
            every=timedelta(seconds=10),
            run=alerting.report,
        ),
        Job(
            name="guard-events-over",
            every=daily(QUIET, zone),
            run=lambda now: forget_guard_events(ledger.state, now),
        ),
        Job(
            name="fair-use",
            every=timedelta(hours=1),
            run=lambda now: look_for_fair_use(ledger, config.alerts.tuning.of("fair_use"), now),
        ),
        Job(name="alerts", every=config.alerts.every, run=alerting.evaluate),
        Job(
            name="backlog",
            every=daily(QUIET, zone),
            run=lambda now: _find_opportunities(config, ledger, now),
            deadline=timedelta(hours=1),
        ),
        *_review_jobs(config, ledger, zone),
        *_figures_jobs(config, ledger),
        *_drill_jobs(config, ledger),
        *_certificate_jobs(config, ledger),
        *_budget_jobs(config, ledger),
    )


def _budget_jobs(config: Config, ledger: Ledger) -> tuple[Job, ...]:
    """None without budgets."""
    budgets = config.gateway.allowance.budgets
    if not budgets:
        return ()
    return (
        Job(name="budget-history", every=HISTORY_EVERY, run=lambda now: publish_history(ledger, budgets, now)),
        Job(
            name=COUNTERS,
            every=timedelta(hours=1),
            run=_timeless(lambda: compare_counters(ledger, ledger.home, budgets, now)),
        ),
    )


def _figures_jobs(config: Config, ledger: Ledger) -> tuple[Job, ...]:
    """None where no margin rule goes by customers' figures."""
    rails = config.gateway.guardrails
    if rails is None or not rails.asks_figures:
        return ()
    return (Job(name="figures", every=FIGURES_EVERY, run=lambda now: publish(ledger, config.policies, now)),)


def _certificate_jobs(config: Config, ledger: Ledger) -> tuple[Job, ...]:
    """None without guardrails: nothing would go by a certificate."""
    rails = config.gateway.guardrails
    if rails is None:
        return ()
    job = CertifyingJob(ledger, rails, tell=lambda turned: tell_of(ledger.state, turned, config.routes, now()))
    certify = Job(name="certificates", every=CERTIFY_EVERY, run=job.run)
    if not by_outcome(rails):
        return (certify,)
    outcomes = Job(name="experiment-outcomes", every=LABEL_EVERY, run=lambda now: label_outcomes(ledger, rails, now))
    return certify, outcomes


def _drill_jobs(config: Config, ledger: Ledger) -> tuple[Job, ...]:
    """None where no drills are configured."""
    if config.drills is None:
        return ()
    return (
        Job(
            name="drill",
            every=config.drills.every,
            run=lambda now: run_job(config, ledger, now),
            deadline=timedelta(hours=2),
        ),
    )


def _review_jobs(config: Config, ledger: Ledger, zone: ZoneInfo) -> tuple[Job, ...]:
    """Reviews of the week and of the quarter before, each ready for its meeting."""
    by_week, by_quarter = config.reviews.weekly, config.reviews.quarterly
    return (
        Job(
            name="review-weekly",
            every=weekly(by_week.weekday, by_week.at, zone),
            run=lambda now: _review(config, ledger, Reviewer, now),
            deadline=timedelta(hours=1),
        ),
        Job(
            name="review-quarterly",
            every=quarterly(by_quarter.day, by_quarter.at, zone),
            run=lambda now: _review(config, ledger, QuarterlyReviewer, now),
            deadline=timedelta(hours=1),
        ),
    )


def _review(config: Config, ledger: Ledger, kind: type[Reviewer] | type[QuarterlyReviewer], now: datetime) -> str:
    book, _ = load_book(config)
    reviews = kind(margins=Margins(ledger, config.policies), policy=config.reviews, book=book)
    return deliver_review(ledger.state, reviews.latest(now), config.routes, config.reviews.routes, now)


def _find_opportunities(config: Config, ledger: Ledger, now: datetime) -> str:
    book, _ = load_book(config)
    return Backlog(ledger, config.policies, book).refresh(now).sentence


def _stripe_jobs(config: Config, ledger: Ledger) -> tuple[Job, ...]:
    """None without a Stripe account."""
    if config.stripe is None:
        return ()
    syncing = Syncing(ledger, stripe_account(config.stripe))
    return (
        Job(name="stripe-pull", every=config.stripe.poll, run=syncing.pull, deadline=timedelta(hours=1)),
        Job(name="stripe-take", every=timedelta(seconds=10), run=lambda now: syncing.take(now).said),
    )


def _timeless(run: Callable[[], str]) -> Callable[[datetime], str]:
    """A run that is the same at any time."""
    return lambda _: run()
