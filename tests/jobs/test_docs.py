"""Every figure of a job has its line in the documentation, and every page on jobs is linked."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from floorline.jobs.delivering import delivery_figures
from floorline.jobs.exposition import job_figures, revenue_figures
from floorline.ledger.state import State
from floorline.margin.freshness import Freshness

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_metric_of_the_jobs_is_documented_with_its_kind(tmp_path: Path) -> None:
    page = (DOCS / "metrics.md").read_text().partition("## The control process")[2]
    documented = dict(re.findall(r"^\| `(floorline_\w+)` \| (\w+) \| [\w, ]+ \|", page, re.MULTILINE))
    now = datetime(2026, 1, 1, tzinfo=UTC)
    fresh = Freshness(
        source="stripe", complete_until=now, newest_event_at=None, waiting=0, refused=0, lag_max=timedelta()
    )
    state = State.open(tmp_path)
    text = "".join((*job_figures({}, now), *revenue_figures(fresh, now), *delivery_figures(state, now)))
    state.close()
    assert documented == dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))


def test_the_page_of_the_jobs_is_linked_from_the_readme() -> None:
    assert "(docs/jobs.md)" in (DOCS.parent / "README.md").read_text()
