"""The demo company's floorline.yaml: what the file looks like for four AI features, and what its gateway serves by."""

from decimal import Decimal

from floorline.sandbox.calendar import Calendar
from floorline.sandbox.company import (
    ACQUISITION_USD_PER_MONTH,
    CHEAP,
    CODE,
    CONTRACTS,
    EMBEDDER,
    ENTERPRISE,
    FREE,
    MIDDLE,
    PRO,
    REPORTS,
    RERANKER,
    RESOLVED,
    RESOLVED_USD,
    SEAT,
    STRONG,
    SUPPORT,
)  # fmt: skip
from floorline.sandbox.story import (
    ANSWER_TOKENS_MAX,
    CAP_SHARE,
    HOLDOUT,
    LONGER_PROMPT,
    PROMPT_DAY,
    RERANK_DAY,
    RERANK_USD_BEFORE,
)  # fmt: skip


def settings(calendar: Calendar) -> str:
    """What the company states of its features, plans, prices, guardrails and budgets."""
    dearer = calendar.day(RERANK_DAY)
    return f"""\
# The sandbox company's own settings: what floorline.yaml looks like for four AI features.
timezone: UTC
features:
  {CONTRACTS}:
    role: core
    owner: legal-ai
    baselines:
      - {{from: {calendar.day(PROMPT_DAY)}, step: analyse, prompt: {LONGER_PROMPT}, name: examples in the prompt}}
  {SUPPORT}: {{role: premium, owner: service, criticality: high}}
  {REPORTS}: {{role: core, owner: analytics}}
  {CODE}:
    role: growth
    owner: developer-tools
    guardrails:
      holdout: {HOLDOUT:.0%}
      cache: {{ttl: 1h}}
      output: {{mode: canary {CAP_SHARE:.0%}, max_tokens: {ANSWER_TOKENS_MAX}}}
      downgrade: {{{STRONG.name}: {MIDDLE.name}, {MIDDLE.name}: {CHEAP.name}}}
      margin_rules:
        - {{name: heavy free accounts, when: customer.plan = {FREE} and customer.cost_usd > 0.5, do: downgrade}}
        - {{name: heavy subscribers, when: customer.cost_to_revenue > 0.8, do: downgrade, mode: shadow}}
plans:
  {SEAT}: {{features: [{CONTRACTS}]}}
  {RESOLVED}: {{features: [{SUPPORT}], outcome_prices: {{ticket_resolved: {RESOLVED_USD}}}}}
  {ENTERPRISE}:
    allocation: value_weights
    weights: {{{REPORTS}: 0.7, {CONTRACTS}: 0.3}}
  {PRO}: {{features: [{CODE}]}}
  {FREE}: {{features: [{CODE}]}}
prices:  # not in the catalogue: Cohere's list price, and what it was for new customers
  - model: {RERANKER.name}
    provider: {RERANKER.provider}
    to: {dearer}
    prices: {{rerank_searches: {RERANK_USD_BEFORE}}}
  - model: {RERANKER.name}
    provider: {RERANKER.provider}
    from: {dearer}
    prices: {{rerank_searches: {RERANKER.searches_usd_per_k}}}
budgets:
  - name: acquisition
    scope: {{plan: {FREE}}}
    limit: {{usd: {ACQUISITION_USD_PER_MONTH}}}
    window: month
    soft: {{at: 80%, action: downgrade}}
    acquisition: true
  - name: fair share of a subscription
    scope: {{plan: {PRO}, customer: each}}
    limit: {{usd: 0.40}}
    window: day
    soft: {{at: 80%, action: warn}}
    hard: overage
    overage_to: 150%
  - name: one free account
    scope: {{plan: {FREE}, customer: each}}
    limit: {{calls: 3}}
    window: hour
    upgrade_url: https://example.com/upgrade
    message: Upgrade to go on today.
rates:
  - {{name: burst, scope: {{customer: each}}, requests_per_minute: 120}}
"""


def serving(upstream: str) -> str:
    """What a gateway needs besides: the simulated provider at `upstream` stands for every real one."""
    models = "".join(
        f"  {model.name}: {{targets: [{{provider: {model.provider}}}]}}\n"
        for model in (STRONG, MIDDLE, CHEAP, EMBEDDER)
    )
    return (
        "# Both providers are simulated on this machine.\n"
        "providers:\n"
        f"  openai: {{dialect: openai, base_url: {upstream}/v1, auth: none}}\n"
        f"  anthropic: {{dialect: anthropic, base_url: {upstream}, auth: none}}\n"
        f"models:\n{models}"
    )


def proven(compared: str) -> str:
    """What the demo's proven part may do once labels have shown it: for a fourth of the customers, never. `compared` is the share of the
    calls that both models answer.
    """
    return f"""\
guardrails:
  holdout: 25%
features:
  {CODE}:
    guardrails:
      semantic_cache: {{partition: feature, max_false_hits: 5%, similarity_min: 0.5}}
  {CONTRACTS}:
    guardrails:
      semantic_cache: {{partition: feature, max_false_hits: 5%, similarity_min: 0.5}}
  {REPORTS}:
    guardrails:
      cascade:
        stages: {{{STRONG.name}: [{MIDDLE.name}]}}
        check: {{judge: {MIDDLE.name}}}
        bar: 90%
        sample: {compared}
"""


def guardrails(free_usd: Decimal) -> str:
    """The code assistant's guardrails of the demo's guarded part: `free_usd` is what its free plan may cost in all."""
    return f"""\
guardrails:
  downgrade: {{{STRONG.name}: {MIDDLE.name}, {MIDDLE.name}: {CHEAP.name}}}
  evidence: {{days: 1}}
  margin_rules:
    - {{name: heavy customers, when: customer.cost_to_revenue > 0.8, do: downgrade}}
budgets:
  - name: acquisition
    scope: {{plan: {FREE}}}
    limit: {{usd: {free_usd}}}
    window: month
    soft: {{at: 50%, action: downgrade}}
    hard: refuse
    acquisition: true
"""
