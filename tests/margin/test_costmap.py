"""The cost map over a real ledger: columns sum to COGS, percentiles are nearest-rank, what cannot be known is not told."""

from datetime import date
from decimal import Decimal

import pytest

from floorline.cli.costmap import print_map
from floorline.clock import parse_instant
from floorline.events import COMPONENTS, ORCHESTRATION, Adjustment, CostLine
from floorline.jobs.costmap import cost_map_of
from floorline.jobs.margin_spread import EXACT_P95_CALLS_MAX
from floorline.jobs.margins import MarginRequest, Margins
from floorline.margin.costmap import COLUMNS, OF_CALL_TYPE, Cell, missing_of
from floorline.margin.costmap_report import costmap_document, costmap_lines
from floorline.margin.policy import FeaturePolicy, Policies
from floorline.money import usd
from tests.margin.company import alias, call, cost, keep, line, outcome, records, table
from tests.support.ledger import Opener

POLICIES = Policies(
    features={
        "search": FeaturePolicy(name="search", hosting="self_hosted"),
        "stated": FeaturePolicy(name="stated", components=("retrieval", "human_review", "generation")),
    }
)


def mapped(
    ledger,
    start: str = "2026-01-01",
    end: str = "2026-02-01",
    policies: Policies = POLICIES,
    *,
    with_p95: bool = True,
    exact_calls_max: int = EXACT_P95_CALLS_MAX,
):
    request = MarginRequest(
        by=("feature",), start=date.fromisoformat(start), end=date.fromisoformat(end), with_p95=with_p95
    )
    return cost_map_of(Margins(ledger, policies), request, exact_calls_max=exact_calls_max)


def feature(found, name: str):
    (row,) = [row for row in found.rows if row.key == (name,)]
    return row


def costs(row) -> dict[str, Decimal]:
    return {column: cell.cost for column, cell in row.cells.items()}


@pytest.fixture(scope="module")
def company(databases, tmp_path_factory):
    opener = Opener(databases, tmp_path_factory.mktemp("company"))
    ledger = opener()
    keep(ledger, [*records(), *search(), *agents()])
    yield ledger
    opener.finish()


def retry(amount: str) -> CostLine:
    """What the attempts of a call cost that were repeated."""
    price = usd(amount)
    return CostLine(
        attempt=1, component="retries", unit="input", quantity=Decimal(1), per=1, unit_price=price, list=price,
        contracted=price, effective=price, price_version="test",
    )  # fmt: skip


@pytest.fixture(scope="module")
def january(company):
    return mapped(company)


def search() -> list:
    """Documents that are embedded, some twice, and searched; a name that changed in the middle of the month."""
    day = "2026-01-{:02d}T10:00:00Z"
    found = [
        call(day.format(n), "acme", "old search" if n < 10 else "search", "0.01", call_type="embedding", model="embedder",
             step="embed", metadata={"content_hash": f"doc-{n % 6}"}, lines=(retry("0.001"),))
        for n in range(4, 16)
    ]  # fmt: skip
    return [
        *found,
        call("2025-12-20T10:00:00Z", "acme", "old search", "5", call_type="embedding", model="embedder",
             metadata={"content_hash": "doc-5"}),
        call(day.format(5), "beta", "search", "0.01", call_type="embedding", model="embedder", metadata={"content_hash": "doc-0"}),
        call(day.format(6), "acme", "search", "0.05", call_type="embedding", model="embedder"),
        call(day.format(7), "acme", "search", "0.02", call_type="rerank"),
        call(day.format(8), "acme", "search", "0.03", step="retrieve-and-answer"),
        call(day.format(9), "acme", "stated", "0.03"),
        alias("feature", "old search", "search", "2025-12-01"),
        cost("logging", "3.10", "2026-01-01", "2026-02-01", feature="search"),
        cost("orchestration", "6.20", "2026-01-01", "2026-02-01", feature="search"),
        line("acme", "50", "2026-01-01", "2026-02-01", feature="search"),
    ]  # fmt: skip


def agents() -> list:
    """Forty runs of an agent, one of which needs ten times the calls, and one that reaches two outcomes."""
    found: list = []
    for n in range(40):
        run = {"workflow": "resolve", "run_id": f"agent-{n}", "user_id": "a"}
        at = f"2026-01-{n % 28 + 1:02d}T09:00:00Z"
        found += [call(at, "acme", "agent", "0.02", call_type="retrieval", **run) for _ in range(10 if n == 7 else 1)]
        found.append(call(at, "acme", "agent", f"0.{n + 10}", **run))
        found.append(outcome(at, f"solved-{n}", run_id=run["run_id"], outcome_type="solved"))
    found.append(outcome("2026-01-15T09:00:00Z", "solved-again", run_id="agent-39", outcome_type="solved"))
    return found


def test_every_row_and_the_total_sum_to_the_margin_table_s_cogs(company, january):
    by_feature = table(company, "feature", policies=POLICIES)
    assert {row.key: sum(costs(row).values()) for row in january.rows} == {
        row.key: row.cogs for row in by_feature.rows if row.cogs or row.sums.calls
    }
    assert sum(costs(january.total).values()) == by_feature.total.cogs
    assert sum(row.hidden_pico for row in january.rows) == january.total.hidden_pico > 0


def test_generation_is_inference_and_the_columns_of_calls_besides_are_orchestration():
    assert {name for name, column in OF_CALL_TYPE.items() if column != "generation"} == ORCHESTRATION
    assert set(COMPONENTS) - {"inference"} <= set(COLUMNS)


def test_what_was_embedded_before_is_a_column_and_another_customer_s_or_another_model_s_is_not(january):
    row = feature(january, "search")
    # twelve embeddings of six documents, 0.009 each without its retry: six are repeats, and doc-5 was embedded in December
    assert costs(row)["re_embedding"] == 7 * usd("0.009")
    assert costs(row)["embedding"] == 5 * usd("0.009") + usd("0.01") + usd("0.05")
    assert costs(row)["retries"] == 12 * usd("0.001")
    told = 12 * usd("0.009") + usd("0.01")
    assert row.embeddings_told == pytest.approx(told / (told + usd("0.05")))


def test_a_feature_whose_embeddings_do_not_say_what_they_embed_has_no_known_re_embedding(january):
    assert feature(january, "agent").embeddings_told is None
    assert "re_embedding" not in feature(january, "agent").cells


def test_imported_costs_keep_their_component(january):
    found = costs(feature(january, "search"))
    assert (found["logging"], found["orchestration"]) == (usd("3.10"), usd("6.20"))


def test_a_component_s_percentile_is_that_of_its_own_calls(january):
    cells = feature(january, "agent").cells
    generation = sorted(Decimal(f"0.{n + 10}") for n in range(40))
    assert cells["generation"].per_call_p95 == generation[37]
    assert cells["generation"].per_call_mean == usd(sum(generation) / 40)
    assert cells["retrieval"].calls == 49
    assert cells["retrieval"].per_call_p95 == usd("0.02")


def test_an_outcome_s_percentile_is_that_of_its_run_shared_by_its_successes(january):
    row = feature(january, "agent")
    by_run = {n: (Decimal(f"0.{n + 10}"), Decimal("0.02") * (10 if n == 7 else 1)) for n in range(40)}
    by_run[39] = (by_run[39][0] / 2, by_run[39][1] / 2)
    assert row.per_outcome_p95 == sorted(sum(costs) for costs in by_run.values())[37]
    assert row.cells["retrieval"].per_outcome_p95 == Decimal("0.02")
    assert row.cells["retrieval"].per_outcome_mean == usd(49 * Decimal("0.02") / 41)
    assert row.figures.cost_per_successful_outcome == usd(sum(cell.cost for cell in row.cells.values()) / 41)


def test_what_a_feature_should_report_and_does_not_is_pointed_out(january):
    search = {missing.component: missing.because for missing in feature(january, "search").missing}
    assert set(search) == {"retrieval"}
    assert "step 'retrieve-and-answer' reports calls of type generation" in search["retrieval"]
    assert [missing.component for missing in feature(january, "stated").missing] == ["retrieval", "human_review"]
    assert [missing.component for missing in feature(january, "agent").missing] == ["embedding"]


def test_a_self_hosted_feature_without_a_host_is_pointed_out():
    policy = FeaturePolicy(name="search", hosting="self_hosted")
    assert [missing.component for missing in missing_of(policy, {}, {})] == ["infrastructure"]
    assert missing_of(policy, {"infrastructure": Cell(cost_pico=1)}, {}) == ()


def test_an_adjustment_moves_its_call_and_its_retries(open_ledger):
    ledger = open_ledger()
    one = call("2026-01-05T10:00:00Z", "a", "f", "1", call_type="embedding", metadata={"content_hash": "x"})
    again = call("2026-01-06T10:00:00Z", "a", "f", "1", call_type="embedding", metadata={"content_hash": "x"})
    keep(ledger, [one, again, adjusted(again, "3", "0.5")])
    row = feature(mapped(ledger, policies=Policies()), "f")
    assert costs(row) == {"embedding": 1, "re_embedding": Decimal("2.5"), "retries": Decimal("0.5")}
    assert row.cells["embedding"].per_call_p95 == 3


def adjusted(one, effective: str, retry: str) -> Adjustment:
    names = ("customer_id", "user_id", "plan", "feature", "workflow", "run_id", "step", "call_type", "environment",
             "purpose", "provider", "model_served", "opened_at")  # fmt: skip
    delta = usd(effective) - one.effective_cost
    return Adjustment(
        source="test", id=f"adjusted-{one.id}", batch="b", call_source=one.source, call_id=one.id, reason="re-rate",
        applied_at=parse_instant("2026-02-01T00:00:00Z"), old_basis="computed", new_basis="computed",
        old_price_version="", new_price_version="", old_effective=one.effective_cost, new_effective=usd(effective),
        list_delta=delta, contracted_delta=delta, effective_delta=delta, retry_delta=usd(retry), unpriced_delta=0,
        **{name: getattr(one, name) for name in names},
    )  # fmt: skip


def test_beyond_the_exact_limit_percentiles_come_from_the_histogram(company, january):
    exact = feature(january, "agent").cells["generation"].per_call_p95
    found = mapped(company, exact_calls_max=10)
    assert found.p95_method == "histogram, none per outcome"
    near = feature(found, "agent").cells["generation"].per_call_p95
    assert abs(near / exact - 1) < Decimal("0.01")


def test_what_has_no_percentile_has_none(january):
    assert feature(january, "search").per_outcome_p95 is None
    assert feature(january, "agent").cells["generation"].per_outcome_p95 is not None
    shared = feature(january, "agent").cells["infrastructure"]
    assert (shared.calls, shared.per_call_p95, shared.per_outcome_p95) == (None, None, None)


def test_json_csv_and_table_show_the_same_sums(january, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "220")
    document, lines = costmap_document(january), costmap_lines(january)
    for row in document["rows"]:
        assert sum(Decimal(cell["cost"]) for cell in row["components"].values()) == Decimal(row["cogs"])
    by_name = {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[1:]}
    assert sum(Decimal(by_name["total"][f"{column}_cost"]) for column in COLUMNS) == january.total.figures.cogs
    print_map(january)
    text = capsys.readouterr().out
    assert "stated reports no human review: stated in features.stated.components." in text
    assert "Re-embedding is known for" in text
    assert "† hidden costs:" in text


def test_without_percentiles_there_are_none(company):
    row = feature(mapped(company, with_p95=False), "agent")
    assert {cell.per_call_p95 for cell in row.cells.values()} == {None}
