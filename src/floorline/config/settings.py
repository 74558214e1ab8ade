"""Every setting of floorline.yaml in one table: what may be written is what is listed here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. In `name`, `<…>` is a name that the user chooses and `[]` a member of a list."""

    name: str
    type: str
    default: str
    doc: str


def _setting(name: str, type_: str, default: str, doc: str) -> Setting:
    return Setting(name=name, type=type_, default=default, doc=doc)


def _rate(name: str, of: str) -> tuple[Setting, ...]:
    """The settings of one price, `name` being where it stands."""
    return (
        _setting(f"{name}.price", "USD above 0", "required", f"what `per` of {of} cost"),
        _setting(
            f"{name}.per", "whole number", "by unit", "how many the price is for: 1000000 tokens, 1000 searches, …"
        ),
        _setting(f"{name}.tiers[].above_tokens", "whole number", "required", "input tokens above which the tier holds"),
        _setting(f"{name}.tiers[].price", "USD above 0", "required", "the price of every token of such a request"),
        _setting(
            f"{name}.utilisation", "ratio above 0, at most 1", "1", "share of its time that a unit you pay for is busy"
        ),
        _setting(f"{name}.free", "true or false", "false", "costs nothing; a price of 0 is refused without it"),
    )


_PROVIDERS = (
    _setting("providers.<provider>.dialect", "openai, anthropic, gemini or bedrock", "required", "how it is spoken to"),
    _setting("providers.<provider>.base_url", "URL", "required", "where the dialect's paths begin"),
    _setting("providers.<provider>.api_key", "secret: ${NAME}", "none", "its credential, never the caller's"),
    _setting("providers.<provider>.kind", "plain, azure, vertex or bedrock", "plain; bedrock for that dialect", "how its paths differ from the dialect's plain ones"),
    _setting("providers.<provider>.auth", "bearer, x-api-key, x-goog-api-key, api-key, sigv4, google or none", "by dialect and kind", "how the credential is sent"),
    _setting("providers.<provider>.price_as", "provider", "its own name", "whose prices hold"),
    _setting("providers.<provider>.region", "text", "none", "where it computes: what allowed_regions binds, and what sigv4 signs"),
    _setting("providers.<provider>.api_version", "text", "none", "the api-version of kind azure, required there"),
    _setting("providers.<provider>.headers.<header>", "text or secret: ${NAME}", "none", "sent with every request"),
    _setting("providers.<provider>.timeouts.connect", "duration", "5s", "until the connection stands"),
    _setting("providers.<provider>.timeouts.first_byte", "duration", "10m", "from the request's end to the answer's first byte"),
    _setting("providers.<provider>.timeouts.idle", "duration", "5m", "between two bytes of an answer"),
    _setting("providers.<provider>.timeouts.total", "duration", "1h", "one attempt in all"),
    _setting("providers.<provider>.ca_file", "path", "the system's", "certificates that vouch for it, beside this file"),
    _setting("providers.<provider>.proxy", "URL or secret: ${NAME}", "the environment's", "the forward proxy on the way to it"),
    _setting("models.<model>.targets[].provider", "provider", "required", "who can serve the model"),
    _setting("models.<model>.targets[].model", "text", "the name asked for", "what it is called there"),
    _setting("models.<model>.targets[].tier", "whole number", "0", "lower tiers are tried first"),
    _setting("models.<model>.targets[].weight", "whole number of at least 1", "1", "the share within its tier"),
    _setting("models.<model>.choose", "weighted, fastest or cheapest", "weighted", "which target of a tier is asked first: by weight, the one that answers soonest, or the one that the call costs least at"),
    _setting("models.<model>.attempts_max", "whole number from 1 to 20", "3", "attempts of one call over all targets"),
)  # fmt: skip


def _rule(name: str) -> tuple[Setting, ...]:
    """The settings of one alert rule, `name` being where they stand; docs/alerts.md says what each is for each rule."""
    return (
        _setting(f"{name}.enabled", "true or false", "true", "whether the rule is on"),
        _setting(f"{name}.threshold", "number of at least 0", "by rule", "it fires beyond this"),
        _setting(f"{name}.clear", "number of at least 0", "by rule", "it is over on the good side of this"),
        _setting(f"{name}.window", "days", "by rule", "the days that are judged"),
        _setting(f"{name}.calls_min", "whole number", "by rule", "with fewer calls in the window it stays silent"),
        _setting(f"{name}.stake_min", "USD a month", "by rule", "with less at stake it stays silent"),
        _setting(f"{name}.swings", "number of at least 0", "by rule", "how many of its own usual swings a change must exceed"),
        _setting(f"{name}.stay", "days", "by rule", "how long it must be over to be resolved"),
        _setting(f"{name}.worse", "0, or a number above 1", "by rule", "an open alert tells again when so many times as much is at stake; 0: never"),
        _setting(f"{name}.deliver", "each, day, week or off", "each", "told at once, in a digest, or not"),
    )  # fmt: skip


_ALERTS = (
    _setting("alerts.every", "duration", "15m", "how often they are judged"),
    _setting("alerts.stake_share", "ratio from 0 to 1", "0.005", "with less at stake than this share of the AI cost a month every rule stays silent"),
    _setting("alerts.remind", "true or false", "false", "whether an alert that nobody answered is told again each week"),
    _setting("alerts.noisy_week", "whole number of at least 1", "3", "more alarms than this in a week make a noise report"),
    *_rule("alerts.rules.<rule>"),
    *_rule("alerts.features.<feature>.<rule>"),
)  # fmt: skip
_GATEWAY = (
    _setting("gateway.unattributed", "require, warn or allow", "warn", "calls without a customer or a feature"),
    _setting("gateway.disconnect", "drain or abort", "drain", "the upstream answer of a caller who left: read on, or cut"),
    _setting("gateway.limits.header_bytes_max", "size", "64KiB", "a request's head"),
    _setting("gateway.limits.body_bytes_max", "size", "64MiB", "a request's body"),
    _setting("gateway.limits.held_bytes_max", "size", "1GiB", "the bodies of all requests under way, in one process; 503 beyond"),
    _setting("gateway.limits.header_time", "duration", "30s", "until the head is there"),
    _setting("gateway.limits.body_time", "duration", "5m", "until the body is there"),
    _setting("gateway.limits.idle_time", "duration", "2m", "a connection without a request, or one whose client takes nothing of its answer"),
    _setting("gateway.limits.connections_max", "whole number of at least 1", "10000", "open at once, in one process"),
    _setting("gateway.limits.drains_max", "whole number", "256", "answers read on at once; over it they are cut"),
    _setting("gateway.limits.drain_time", "duration", "2m", "how long one is read on"),
    _setting("gateway.limits.shutdown_time", "duration", "30s", "until calls under way are cut at the end"),
    _setting("gateway.cache.memory", "size", "16MiB", "stored answers in one process' memory"),
    _setting("gateway.cache.semantic", "size", "64MiB", "questions and answers of the semantic cache in one process' memory"),
    _setting("gateway.cache.disk", "size", "none", "stored answers on the machine's disk, behind the memory"),
    _setting("gateway.cache.redis", "secret: ${NAME}", "none", "a Redis that several machines' gateways keep answers in: redis://host:6379/0"),
    _setting("gateway.embedders.<embedder>.model", "path", "none", "a sentence model in ONNX, beside this file"),
    _setting("gateway.embedders.<embedder>.sha256", "64 hex digits", "required with model", "what the model's file must hash to"),
    _setting("gateway.embedders.<embedder>.tokenizer", "path", "required with model", "its tokenizer.json"),
    _setting("gateway.embedders.<embedder>.tokenizer_sha256", "64 hex digits", "required with model", "what the tokenizer's file must hash to"),
    _setting("gateway.embedders.<embedder>.multilingual", "true or false", "false", "the local model knows other scripts than Latin"),
    _setting("gateway.embedders.<embedder>.served", "model", "none", "a model of embeddings that this gateway can call, in place of a file"),
    _setting("gateway.embedders.<embedder>.dimensions", "whole number from 1 to 8192", "the model's", "how many a served model is asked for"),
    _setting("gateway.embedders.<embedder>.window", "whole number from 1 to 131072", "256; 8191 served", "the most tokens of a question: a longer one is passed by"),
    _setting("gateway.embedders.<embedder>.time", "duration up to 10s", "500ms", "how long a call waits at most for what is near its question"),
    _setting("gateway.spool.quota", "size", "4GiB", "records that may wait for the ledger"),
    _setting("gateway.spool.fail", "open or closed", "closed", "when the quota is used up: serve unrecorded and count it, or refuse"),
    _setting("gateway.redact", "package.module:function", "none", "changes what is kept of prompts and answers before it is"),
    _setting("gateway.request_hash", "true or false", "true", "a keyed hash of what each call asks on its record, so that repeated requests are counted"),
    _setting("gateway.accounting", "true or false", "true", "false leaves attribution, prices and records out: for measurements"),
    _setting("customers.<customer>.allowed_providers", "list of providers", "every one", "where this customer's calls may go, each attempt"),
    _setting("customers.<customer>.allowed_regions", "list of regions", "every one", "as allowed_providers, by region"),
    _setting("customers.<customer>.attributes.<attribute>", "text", "none", "what rules may ask of this customer, as customer.attribute.<attribute>"),
)  # fmt: skip


def _guardrails(name: str) -> tuple[Setting, ...]:
    """The settings of guardrails that hold for every feature, and for one in place of those."""
    return (
        _setting(f"{name}.holdout", "share", "2%", "the share of customers that every optimisation leaves alone"),
        _setting(f"{name}.cache.mode", "off, shadow, canary N% or enforce", "enforce", "how far the exact cache is on, where `cache` is written"),
        _setting(f"{name}.cache.partition", "customer, feature or global", "customer", "who shares an answer"),
        _setting(f"{name}.cache.ttl", "duration up to 30 days", "1h", "how long an answer is used"),
        _setting(f"{name}.cache.temperature_max", "number from 0 to 2", "0", "a request that states more is not cached"),
        _setting(f"{name}.cache.size_max", "size", "1MiB", "a longer answer is not kept"),
        _setting(f"{name}.cache.vary", "list of headers", "none", "headers that change answers"),
        _setting(f"{name}.cache.wait", "duration up to 10 minutes, or 0", "30s", "how long a call waits for an identical one under way"),
        _setting(f"{name}.certified_route.mode", "off, shadow, canary N% or enforce", "enforce", "how far certified models serve, where `certified_route` is written; comparisons are made in any"),
        _setting(f"{name}.certified_route.candidates.<model>", "list of models", "required", "cheaper models that are compared with the one asked for, the cheapest first"),
        _setting(f"{name}.certified_route.bar", "share from 50% to below 100%", "95%", "the share of the quality of the model asked for that is kept"),
        _setting(f"{name}.certified_route.sample", "share", "2%", "the share of calls that are compared"),
        _setting(f"{name}.certified_route.judge", "model", "none", "compares answers that are not the same by themselves; without one they are no equals"),
        _setting(f"{name}.certified_route.judge_error", "share", "none: unknown until it is measured", "how often its verdicts are known to be wrong, where that is more than `floorline eval judge --compare` measured for the feature, or nothing was measured: no bar leaves less room; with neither its labels carry no certificate"),
        _setting(f"{name}.certified_route.together", "true or false", "false", "the bar is held over all features that say so, not by each"),
        _setting(f"{name}.certified_route.by_request", "true or false", "false", "a score of the single request may decide too, once its own benefit is certified"),
        _setting(f"{name}.cascade.mode", "off, shadow, canary N% or enforce", "enforce", "how far cheaper models answer first, where `cascade` is written; comparisons are made in any"),
        _setting(f"{name}.cascade.stages.<model>", "list of models", "required", "who answers before the model asked for, the cheapest first"),
        _setting(f"{name}.cascade.check.json_schema", "JSON schema as text", "none", "an answer that is not valid under it is never shown while there is a further stage"),
        _setting(f"{name}.cascade.check.regex", "regular expression", "none", "as json_schema, for an answer in which it is not found"),
        _setting(f"{name}.cascade.check.judge", "model", "none", "grades the answer"),
        _setting(f"{name}.cascade.check.self_consistency", "whole number from 1 to 10", "none", "grades by the share of so many further answers that say the same"),
        _setting(f"{name}.cascade.check.http", "URL or secret: ${NAME}", "none", "your own service, which is posted the question and the answer and grades it"),
        _setting(f"{name}.cascade.bar", "share from 50% to below 100%", "95%", "the share of the quality of the model asked for that is kept"),
        _setting(f"{name}.cascade.sample", "share", "2%", "the share of calls that are compared"),
        _setting(f"{name}.cascade.judge", "model", "none", "compares answers that are not the same by themselves; without one they are no equals"),
        _setting(f"{name}.cascade.judge_error", "share", "none: unknown until it is measured", "how often its verdicts are known to be wrong, where that is more than `floorline eval judge --compare` measured for the feature, or nothing was measured: no bar leaves less room; with neither its labels carry no certificate"),
        _setting(f"{name}.cascade.streams", "hold or straight", "straight", "streams are held back until they have been looked at, or go straight to the model asked for"),
        _setting(f"{name}.cascade.held_max", "size up to 8MiB", "64KiB", "the longest answer of a stage that is held back: a longer one is given up"),
        _setting(f"{name}.cascade.time", "duration up to 10 minutes", "30s", "how long looking at one answer may take"),
        _setting(f"{name}.semantic_cache.mode", "off, shadow, canary N% or enforce", "enforce", "how far the semantic cache is on, where `semantic_cache` is written; without a certificate it serves nobody"),
        _setting(f"{name}.semantic_cache.partition", "customer, feature or global", "customer", "who shares an answer"),
        _setting(f"{name}.semantic_cache.max_false_hits", "share", "2%", "the share of served answers that may be wrong"),
        _setting(f"{name}.semantic_cache.certify", "feature or customer", "feature", "whether a feature's calls are certified together, or each customer's by themselves"),
        _setting(f"{name}.semantic_cache.audit", "share of at least 5%", "10%", "the share of what would be served that goes to the model to be compared, for ever"),
        _setting(f"{name}.semantic_cache.similarity_min", "ratio from 0 to 1", "0.8", "a stored question that is less alike is not looked at"),
        _setting(f"{name}.semantic_cache.embedder", "one of gateway.embedders", "letters alone", "what makes vectors of questions"),
        _setting(f"{name}.semantic_cache.judge", "model", "none", "who says whether two answers are the same where their texts do not tell"),
        _setting(f"{name}.semantic_cache.judge_error", "share", "none: unknown until it is measured", "what the judge errs by, where that is more than `floorline eval judge --same` measured for the feature, or nothing was measured: no promise is made below it; with neither its labels carry no certificate"),
        _setting(f"{name}.semantic_cache.ttl", "duration up to 30 days", "1d", "how long an answer is used"),
        _setting(f"{name}.semantic_cache.temperature_max", "number from 0 to 2", "0", "a request that states more is passed by"),
        _setting(f"{name}.semantic_cache.size_max", "size", "1MiB", "a longer answer is not kept"),
        _setting(f"{name}.semantic_cache.entries_max", "whole number from 1 to 1000000", "20000", "questions that are compared with each other, at most; the oldest go first"),
        _setting(f"{name}.compaction.mode", "off, shadow, canary N% or enforce", "enforce", "how far long conversations are summarised, where `compaction` is written"),
        _setting(f"{name}.compaction.model", "model", "required", "the cheap model that summarises"),
        _setting(f"{name}.compaction.above_tokens", "whole number of at least 1", "20000", "tokens above which a conversation is shortened"),
        _setting(f"{name}.compaction.keep_turns", "whole number from 1 to 1000", "4", "the last turns, which stay as they are"),
        _setting(f"{name}.compaction.summary_tokens", "whole number of at least 1", "1000", "the most that a summary may have"),
        _setting(f"{name}.prompt_cache.mode", "off, shadow, canary N% or enforce", "enforce", "how far prefixes are marked for their providers' caches, where `prompt_cache` is written"),
        _setting(f"{name}.prompt_cache.sticky", "true or false", "true", "a conversation goes on where its prefix is kept"),
        _setting(f"{name}.output.mode", "off, shadow, canary N% or enforce", "enforce", "how far answers are bounded, where `output` is written"),
        _setting(f"{name}.output.max_tokens", "whole number of at least 1", "none", "the most output tokens of one answer"),
        _setting(f"{name}.output.plans.<plan>", "whole number of at least 1", "max_tokens", "the same for the calls of one plan"),
        _setting(f"{name}.output.note", "text", "none", "goes to the application in a header of a bounded answer: how to go on when it is cut"),
        _setting(f"{name}.reasoning.mode", "off, shadow, canary N% or enforce", "enforce", "how far thinking is bounded, where `reasoning` is written"),
        _setting(f"{name}.reasoning.effort", "none, minimal, low, medium, high, xhigh or max", "any", "the highest effort that may be asked for"),
        _setting(f"{name}.reasoning.max_tokens", "whole number", "none", "the largest budget of thinking tokens that may be asked for"),
        _setting(f"{name}.reasoning.when_absent", "leave or set", "leave", "what becomes of a request that says nothing of thinking"),
        _setting(f"{name}.watch", "true or false", "false", "note on each call how its answer ended, and what of its prompt is context and examples"),
        _setting(f"{name}.downgrade.<model>", "model", "none", "the cheaper model that calls for this one may be sent to"),
        _setting(f"{name}.margin_rules[].name", "text", "required", "what records and reasons call the rule"),
        _setting(f"{name}.margin_rules[].when", "comparisons joined by `and`", "required", "when it holds; the first rule that does counts"),
        _setting(f"{name}.margin_rules[].do", "downgrade, refuse or warn", "required", "what becomes of the call"),
        _setting(f"{name}.margin_rules[].mode", "off, shadow, canary N% or enforce", "enforce", "how far the rule is on"),
    )  # fmt: skip


def _scorer(name: str) -> tuple[Setting, ...]:
    """What tells right answers from wrong ones; docs/evaluations.md has which kind goes by what."""
    kinds = "exact, normalised, json_schema, regex, numeric, similarity, judge, python or http"
    return (
        _setting(f"{name}.kind", kinds, "required", "how an answer is told to be right; a kind that needs no more may stand alone"),
        _setting(f"{name}.schema", "mapping", "required by json_schema", "the JSON schema that answers are valid under"),
        _setting(f"{name}.pattern", "regular expression", "required by regex", "what answers hold"),
        _setting(f"{name}.tolerance", "share", "0%", "numeric: how far from the expected number is still right"),
        _setting(f"{name}.absolute", "number of at least 0", "0", "numeric: the same, as an amount"),
        _setting(f"{name}.threshold", "ratio from 0 to 1", "0.9", "similarity: the least cosine of the two embeddings"),
        _setting(f"{name}.model", "model", "required by judge and similarity", "who judges, or embeds"),
        _setting(f"{name}.compare", "true or false", "false", "judge: which of two models' answers is better, asked both ways round"),
        _setting(f"{name}.call", "package.module:function", "required by python", "your own function"),
        _setting(f"{name}.url", "URL", "required by http", "your own service, which is posted each case with its answer"),
        _setting(f"{name}.timeout", "duration up to 10 minutes", "10s", "http: how long it may take"),
    )  # fmt: skip


_EVALUATION = (
    _setting("features.<feature>.evaluation.set", "path", "evals/<feature>.jsonl", "the cases, relative to this file"),
    _setting("features.<feature>.evaluation.margin", "share", "5%", "how much worse is still as good, in cases of a hundred"),
    *_scorer("features.<feature>.evaluation.scorer"),
)  # fmt: skip
_GUARDRAILS = (
    *_guardrails("guardrails"),
    _setting("guardrails.stale_after", "duration", "1h", "figures of customers that are older judge nobody"),
    _setting("guardrails.fail", "open or closed", "open", "then calls that such a rule would judge are served, or refused"),
    _setting("guardrails.evidence.calls", "whole number of at least 1", "30", "calls of a customer in the period before rules go by its figures"),
    _setting("guardrails.evidence.days", "whole number from 1 to 28", "3", "days of the period that must have begun before"),
    _setting("features.<feature>.criticality", "high, normal or low", "normal", "what margin rules may ask for"),
    *_guardrails("features.<feature>.guardrails"),
    _setting("features.<feature>.guardrails.semantic_cache.high_stakes", "true or false", "false", "the semantic cache may serve this feature although its criticality is high"),
    _setting("routes[].name", "text", "required", "what records, reasons and the header x-floorline-route call the rule"),
    _setting("routes[].when", "comparisons joined by `and`", "always", "when it holds; the first rule that does and acts counts"),
    _setting("routes[].to", "model, cheaper or asked", "required", "where the call goes: a model by its name here, the cheaper one of `downgrade`, or where it asks to go"),
    _setting("routes[].mode", "off, shadow, canary N% or enforce", "enforce", "how far the rule is on"),
    _setting("routes[].everyone", "true or false", "false", "the hold-out too: for a rule that is no optimisation"),
    _setting("intents.<intent>.file", "path", "required", "a classifier that `floorline intent fit` makes from examples, beside this file: intent.<intent> in `routes`"),
    _setting("intents.<intent>.embedder", "embedder", "letters alone", "of `gateway.embedders`, one on this machine: whose vectors it goes by"),
    _setting("routers.<router>.model", "model", "required", "a small model that is asked which class a call is of: router.<router> in `routes`"),
    _setting("routers.<router>.classes.<class>", "text", "two are required", "a class, and what belongs to it in words"),
    _setting("routers.<router>.default", "class", "none", "the class of what is not answered in time, or with none of them; without it no rule that asks holds"),
    _setting("routers.<router>.timeout", "duration up to 1m", "1s", "how long a call waits for the answer"),
    _setting("routers.<router>.ttl", "duration up to 30 days", "1d", "how long an answer is used for the same text"),
    _setting("experiments.<experiment>.feature", "feature", "required", "whose calls it is about"),
    _setting("experiments.<experiment>.step", "step", "every step", "calls of this step alone"),
    _setting("experiments.<experiment>.model", "model", "none", "what serves the treated; without it the application does something else for them, as the header x-floorline-experiment says"),
    _setting("experiments.<experiment>.share", "share between 0% and 100%", "50%", "the treated share of customers"),
    _setting("experiments.<experiment>.metric", "completed, outcome, feedback or scorer", "outcome", "what says whether an answer was right"),
    _setting("experiments.<experiment>.margin", "share above 0%", "2%", "the treatment is shown to be worse by fewer points than this"),
    _setting("experiments.<experiment>.harm", "share above 0%", "as `margin`", "a treatment that is shown to be worse by more is rolled back"),
    _setting("experiments.<experiment>.pairs", "whole number up to 1000000", "decided at any time", "pairs of customers after which it is decided once"),
    _setting("experiments.<experiment>.each", "whole number from 1 to 1000", "1", "labels with whose mean a customer counts"),
    _setting("experiments.<experiment>.adopt", "true or false", "false", "once it is shown not to be worse everyone is treated"),
)  # fmt: skip
_ALLOWANCE = (
    _setting("budgets[].name", "text", "required", "what counters, refusals and events call it; no two have the same"),
    *(
        _setting(f"budgets[].scope.{name}", "each, a name, or a list of names", "everyone together", f"{whose}; `each` counts everyone alone, a list counts its members together")
        for name, whose in (
            ("customer", "whose calls it counts"), ("user", "of which users"), ("plan", "of which plans"),
            ("feature", "of which features"), ("workflow", "of which workflows"), ("key", "of which keys, by their ids"),
        )
    ),
    _setting("budgets[].limit.usd", "USD above 0", "one is required", "what may be spent in one window"),
    _setting("budgets[].limit.tokens", "whole number above 0", "one is required", "the same in tokens of every kind"),
    _setting("budgets[].limit.calls", "whole number above 0", "one is required", "the same in calls that were sent on"),
    _setting("budgets[].limit.credits", "number above 0", "one is required", "the same in the credits of the plan that its scope names"),
    _setting("budgets[].window", "hour, day, week or month", "month", "what begins anew when it ends; a month is a calendar month"),
    _setting("budgets[].timezone", "IANA name", "`timezone`", "whose midnights windows begin at"),
    _setting("budgets[].anchor_day", "whole number, 1 to 31 or 1 to 7", "1", "the day of the month, or of the week from Monday on, on which a window begins"),
    _setting("budgets[].soft.at", "percent of the limit", "required", "from where on its soft limit acts"),
    _setting("budgets[].soft.action", "warn, downgrade or delay", "warn", "what it does: say so, route to the cheaper model, wait before each call"),
    _setting("budgets[].soft.delay", "duration up to 1m", "1s", "how long `delay` waits"),
    _setting("budgets[].hard", "refuse, overage or off", "refuse", "what happens to a call that does not fit: refused, billed as overage, or served"),
    _setting("budgets[].overage_to", "percent of the limit above 100%", "required with `hard: overage`", "where overage ends and calls are refused"),
    _setting("budgets[].unbounded", "number, in the limit's unit", "such calls are refused", "what a call is reserved at whose worst case is not known"),
    _setting("budgets[].thresholds", "list of percents", "[75, 90, 100]", "at which one event each is raised in a window"),
    _setting("budgets[].features.<feature>", "number, in the limit's unit", "no part of its own", "how much of it one feature may use"),
    _setting("budgets[].upgrade_url", "URL", "none", "where a refused customer can buy more"),
    _setting("budgets[].message", "text", "none", "what a refusal says to your customer after its own sentence"),
    _setting("budgets[].acquisition", "true or false", "false", "it is spent on free users to win customers: shown with what it must bring"),
    _setting("rates[].name", "text", "required", "as in budgets"),
    *(
        _setting(f"rates[].scope.{name}", "each, a name, or a list of names", "everyone together", "as in budgets")
        for name in ("customer", "user", "plan", "feature", "workflow", "key")
    ),
    _setting("rates[].requests_per_minute", "whole number of at least 1", "any", "requests in any sixty seconds; 429 beyond"),
    _setting("rates[].tokens_per_minute", "whole number of at least 1", "any", "tokens in any sixty seconds; 429 beyond"),
    _setting("counters.redis", "secret: ${NAME}", "required", "where several gateways count in one place: redis://host:6379/0, rediss:// with TLS"),
    _setting("counters.prefix", "text", "floorline", "what its keys begin with"),
    _setting("counters.timeout", "duration", "500ms", "until Redis counts as gone"),
    _setting("counters.fail", "open or closed", "closed", "while it is: go by what each gateway knows, or refuse what has a hard limit"),
    _setting("plans.<plan>.credit.name", "text", "credits", "what customers call the plan's own unit"),
    _setting("plans.<plan>.credit.usd", "USD above 0", "one is required", "what one is, in dollars of cost"),
    _setting("plans.<plan>.credit.tokens", "number above 0", "one is required", "what one is, in tokens"),
    _setting("plans.<plan>.credit.calls", "number above 0", "one is required", "what one is, in calls"),
)  # fmt: skip
_RUNBOOK = (
    _setting("runbook.owner", "text", "none", "who answers for features without an owner"),
    _setting("runbook.red.within_hours", "whole number of at least 1", "24", "hours to respond to a red feature"),
    _setting("runbook.red.response", "text", "a sentence", "what red demands"),
    _setting("runbook.yellow.within_hours", "whole number of at least 1", "48", "hours to respond to a yellow feature"),
    _setting("runbook.yellow.response", "text", "a sentence", "what yellow demands"),
    _setting("runbook.escalation.to", "text", "required", "who hears of a response that did not come"),
    _setting("runbook.escalation.after_hours", "whole number of at least 1", "24", "hours after the deadline until they do"),
    _setting("runbook.levers.<driver>", "text", "by driver", "what is suggested against a part of a margin's change (`floorline runbook` lists them)"),
)  # fmt: skip
_REVIEWS = (
    _setting("reviews.weekly.day", "monday to sunday", "monday", "when the review of the week before is made and sent"),
    _setting("reviews.weekly.time", "time of day", "08:00", "at what time of that day, by the clock of `timezone`"),
    _setting("reviews.quarterly.day", "whole number from 1 to 28", "2", "day of the first month of a quarter, for the review of the quarter before"),
    _setting("reviews.quarterly.time", "time of day", "08:00", "at what time of that day"),
    _setting("reviews.routes", "list of routes", "every one that takes reports", "the routes of `delivery` that reviews go to; [] sends none"),
    _setting("reviews.targets.inference_share", "ratio from 0 to 1", "0.15", "most that inference may cost of revenue, in the weekly review"),
    _setting("reviews.targets.gross_margin", "ratio from 0 to 1", "0.68", "least gross margin"),
    _setting("reviews.targets.cache_hit_rate", "ratio from 0 to 1", "0.30", "least share of calls answered from a cache"),
    _setting("reviews.targets.small_and_mid_share", "ratio from 0 to 1", "0.60", "least share of calls on small and mid models"),
    _setting("reviews.targets.top_fifth_share", "ratio from 0 to 1", "0.40", "most that the dearest fifth of customers may cost of their MRR"),
    _setting("reviews.targets.cost_per_call", "number of USD", "none", "most that a call may cost on average, in the unit economics of a month"),
    _setting("reviews.targets.cost_per_outcome", "number of USD", "none", "most that a successful outcome may cost on average"),
    _setting("reviews.targets.cost_per_user", "number of USD", "none", "most that inference may cost of an active user in a month"),
    _setting("reviews.targets.ltv_to_cac", "number", "3", "least that a customer brings in all for each dollar that winning one takes"),
    _setting("reviews.tiers.<model>", "small, mid or large", "by price", "the tier of a model (a name or glob), in place of what its price says"),
    _setting("reviews.structural_weeks", "whole number of at least 1", "8", "weeks of a quarter below its floor that make a feature structurally so"),
    _setting("reviews.market[].name", "text", "required", "what the figure is of: a segment, a survey, a competitor"),
    _setting("reviews.market[].margin", "ratio from -1 to 1", "required", "the gross margin that others publish"),
    _setting("reviews.market[].source", "text", "required", "where it was read"),
    _setting("reviews.market[].date", "day", "required", "when it was published"),
    _setting("reviews.market[].feature", "feature", "the whole product", "which feature it is held against"),
)  # fmt: skip
_DELIVERY = (
    _setting("delivery.<route>.kind", "slack, pagerduty, email, webhook or apprise", "required", "what takes the messages of the route"),
    _setting("delivery.<route>.severities", "list of critical, error, warning, info", "every one", "which alerts go this way"),
    _setting("delivery.<route>.reports", "true or false", "true; false for pagerduty", "whether reviews and digests go this way"),
    _setting("delivery.<route>.timeout", "duration", "10s", "one attempt"),
    _setting("delivery.<route>.url", "URL or secret: ${NAME}", "none", "the incoming webhook of slack, the receiver of webhook, the address of apprise (a secret there)"),
    _setting("delivery.<route>.token", "secret: ${NAME}", "none", "slack: a bot's token, in place of url; charts are shown as pictures"),
    _setting("delivery.<route>.channel", "text", "none", "slack: the id of the bot's channel"),
    _setting("delivery.<route>.base_url", "URL", "by kind", "slack, pagerduty: where their API is, as https://events.eu.pagerduty.com"),
    _setting("delivery.<route>.routing_key", "secret: ${NAME}", "none", "pagerduty: the integration key of an Events API v2 integration"),
    _setting("delivery.<route>.secrets", "list of one or two secrets: ${NAME}", "none", "webhook: what the messages are signed with, whsec_…"),
    _setting("delivery.<route>.host", "text", "none", "email: the mail server"),
    _setting("delivery.<route>.port", "whole number", "587, 465 or 25 by security", "email: its port"),
    _setting("delivery.<route>.security", "starttls, tls or none", "starttls", "email: how the connection is encrypted"),
    _setting("delivery.<route>.user", "text", "none", "email: who logs in"),
    _setting("delivery.<route>.password", "secret: ${NAME}", "none", "email: with which password"),
    _setting("delivery.<route>.from", "mail address", "none", "email: who sends"),
    _setting("delivery.<route>.to", "list of mail addresses", "none", "email: who gets the mails"),
)  # fmt: skip
_DRILLS = (
    _setting("drills.key", "secret: ${NAME}", "required", "the virtual key that fallback drills call the gateway with; `drills` turns the job on"),
    _setting("drills.gateway", "URL", "http://127.0.0.1:4000", "the gateway that they call"),
    _setting("drills.every", "duration", "7d", "how often every fallback is drilled"),
    _setting("drills.calls", "whole number from 1 to 1000", "20", "calls of each model that are sent again"),
    _setting("drills.usd", "USD above 0", "1", "no call of a drill is begun once so much is spent"),
)  # fmt: skip
_STRIPE = (
    _setting("stripe.api_key", "secret: ${NAME}", "required", "a restricted key that may read invoices, credit notes, refunds, charges, customers, subscriptions, prices, products and events"),
    _setting("stripe.webhook_secret", "secret: ${NAME}, or a list of them", "none", "what the webhook endpoint's events are signed with; several while one is rotated"),
    _setting("stripe.api_base", "URL", "https://api.stripe.com", "where Stripe is asked: another one for a stand-in on this machine"),
    _setting("stripe.poll", "duration", "1h", "how often events are listed"),
    _setting("stripe.lag_max", "duration", "6h", "revenue that was complete longer ago is stale"),
    _setting("stripe.backfill", "duration", "400d", "how far back invoices are read at first: an annual invoice and some more"),
)  # fmt: skip
_WEB = (
    _setting("web.host", "address", "127.0.0.1", "where the control process listens; another than loopback needs accounts or `oidc`, and `public_url`"),
    _setting("web.public_url", "URL", "none", "where people reach the dashboard, through a proxy that speaks TLS: https://margin.example.com"),
    _setting("web.allowed_hosts", "list of names", "none", "more names by which it may be asked, beside loopback and that of `public_url`"),
    _setting("web.proxies", "list of IP addresses", "none", "proxies whose X-Forwarded-For is believed, so that logins are slowed down by visitor"),
    _setting("web.idle", "duration", "1d", "a session that was not used for so long is over"),
    _setting("web.lifetime", "duration", "14d", "a session is over so long after its login"),
    _setting("web.oidc.issuer", "URL", "required", "the identity provider, as its discovery document names itself"),
    _setting("web.oidc.client_id", "text", "required", "how it knows this dashboard; the redirect URI is `public_url`/oidc/callback"),
    _setting("web.oidc.client_secret", "secret: ${NAME}", "none", "the dashboard's secret there; none for a public client"),
    _setting("web.oidc.scopes", "list of texts", "[openid, email, profile]", "what is asked of it"),
    _setting("web.oidc.role_claim", "text", "none", "the claim that says who may what; dots lead into it, as in realm_access.roles"),
    _setting("web.oidc.roles.<value>", "viewer, editor or admin", "none", "the role of whoever has that value in the claim; of several the highest"),
    _setting("web.oidc.default_role", "viewer, editor or admin", "nobody comes in", "the role of whoever has none of the values; needs `allowed_domains`"),
    _setting("web.oidc.allowed_domains", "list of domains", "every one", "whoever has a verified e-mail address in one of them may come in"),
    _setting("web.oidc.timeout", "duration", "5s", "until an answer of it is given up"),
)  # fmt: skip
SETTINGS: tuple[Setting, ...] = (
    _setting("timezone", "IANA name", "UTC", "where a day begins and ends in every report"),
    _setting("litellm_file", "path", "none", "a LiteLLM price file (JSON), asked after everything else"),
    _setting("trusted_cost_providers", "list of providers", "none", "whose stated cost counts as the effective cost"),
    _setting("prices[].model", "name or glob", "required", "the models whose list prices these are"),
    _setting("prices[].provider", "provider", "any", "who sells the model"),
    _setting("prices[].from", "day (UTC)", "always", "the first day on which they hold"),
    _setting("prices[].to", "day (UTC)", "for ever", "the day after the last"),
    _setting("prices[].when", "mapping", "any call", "what a call must say of itself: service_tier, processing, speed"),
    _setting("prices[].same_as", "provider/model", "none", "take the prices of another model: an Azure deployment"),
    _setting("prices[].free", "true or false", "false", "the model costs nothing"),
    _setting("prices[].prices.<unit>", "USD, or a mapping", "the catalogue's", "the price of one unit of usage"),
    *_rate("prices[].prices.<unit>", "the unit"),
    _setting("contracts[].provider", "provider", "required", "whom the contract is with"),
    _setting("contracts[].model", "name or glob", "*", "the models it covers"),
    _setting("contracts[].unit", "unit or glob", "*", "the units it covers"),
    _setting("contracts[].multiplier", "number above 0", "none", "contracted price ÷ list price: 0.85 for 15 % off"),
    _setting("contracts[].rate", "USD, or a mapping", "none", "a fixed price in place of a multiplier"),
    *_rate("contracts[].rate", "the unit"),
    _setting("contracts[].from", "day (UTC)", "always", "the first day on which it holds"),
    _setting("contracts[].to", "day (UTC)", "for ever", "the day after the last"),
    _setting("contracts[].when", "mapping", "any call", "as in prices"),
    _setting("yellow_band", "ratio from 0 to 1", "0.08", "how far above its floor a feature is still yellow"),
    _setting("features.<feature>.role", "growth, core or premium", "core", "sets the default floor: 0.45, 0.60, 0.70"),
    _setting(
        "features.<feature>.hosting",
        "third_party, self_hosted or cacheable",
        "third_party",
        "sets the default floor: 0.60, 0.65, 0.70; of role and hosting the stricter holds",
    ),
    _setting("features.<feature>.floor", "ratio below 1", "by role and hosting", "the gross margin to hold"),
    _setting("features.<feature>.owner", "text", "the runbook's", "who answers for the feature"),
    _setting(
        "features.<feature>.components",
        "list of components",
        "what its calls imply",
        "the columns of the cost map that it must report",
    ),
    _setting(
        "features.<feature>.yellow_band",
        "ratio from 0 to 1",
        "`yellow_band`",
        "how far above its floor it is still yellow",
    ),
    _setting(
        "features.<feature>.exception.floor",
        "ratio below 1",
        "required",
        "the margin to hold in place of the floor, for a while",
    ),
    _setting("features.<feature>.exception.reason", "text", "required", "why"),
    _setting(
        "features.<feature>.exception.review_by",
        "day",
        "required",
        "the last day on which it holds; from the next on the feature is red",
    ),
    _setting("features.<feature>.baselines[].from", "day", "required", "the first day of a baseline that is declared"),
    _setting("features.<feature>.baselines[].name", "text", "none", "what it is called"),
    _setting("features.<feature>.baselines[].model", "text", "any", "the model that serves from then on"),
    _setting("features.<feature>.baselines[].prompt", "text", "any", "the version of its prompt, as the calls say it"),
    _setting("features.<feature>.baselines[].route", "text", "any", "the route, as `floorline baselines` shows it"),
    _setting("features.<feature>.baselines[].workflow", "text", "every one", "the workflow that it is of"),
    _setting("features.<feature>.baselines[].step", "text", "every one", "the step that it is of"),
    _setting("features.<feature>.baselines[].call_type", "text", "every one", "the call type that it is of"),
    _setting("features.<feature>.baselines[].note", "text", "none", "why"),
    _setting(
        "features.<feature>.allowed_providers", "list of providers", "every one", "where its calls may go, each attempt"
    ),
    _setting("features.<feature>.allowed_regions", "list of regions", "every one", "as allowed_providers, by region"),
    _setting(
        "features.<feature>.capture", "off, metadata, sample N% or full", "off", "which prompts and answers are kept"
    ),
    _setting("features.<feature>.capture_time", "duration", "30d", "how long they are kept"),
    _setting(
        "plans.<plan>.allocation",
        "calls, cost or value_weights",
        "calls",
        "what divides the plan's revenue among its features",
    ),
    _setting(
        "plans.<plan>.weights.<feature>", "number of at least 0", "none", "the feature's share under value_weights"
    ),
    _setting("plans.<plan>.features", "list of features", "none", "share equally what no usage can divide"),
    _setting("plans.<plan>.outcome_prices.<outcome>", "USD", "none", "earned by each successful outcome of that type"),
    _setting("plans.<plan>.usage_prices.<unit>", "USD", "none", "earned by each of calls, input_tokens, output_tokens"),
    _setting("aliases[].kind", "customer, plan or feature", "required", "what has another name"),
    _setting("aliases[].alias", "text", "required", "the other name: cus_…, a workspace, a Stripe price"),
    _setting("aliases[].canonical", "text", "required", "the name that reports use"),
    _setting("aliases[].from", "day", "always", "the first day on which the other name means this one"),
    _setting("aliases[].to", "day", "for ever", "the day after the last"),
    *_ALLOWANCE,
    *_RUNBOOK,
    *_PROVIDERS,
    *_GATEWAY,
    *_GUARDRAILS,
    *_EVALUATION,
    *_REVIEWS,
    *_ALERTS,
    *_DELIVERY,
    *_DRILLS,
    *_STRIPE,
    *_WEB,
)


def names_below(path: str) -> tuple[str, ...]:
    """The names that may be written directly below `path` (`""`, `features.<feature>`, `aliases[]`)."""
    prefix = f"{path}." if path else ""
    below = (setting.name.removeprefix(prefix) for setting in SETTINGS if setting.name.startswith(prefix))
    return tuple(dict.fromkeys(name.split(".")[0].removesuffix("[]") for name in below))


def required_below(path: str) -> tuple[str, ...]:
    """Those of `names_below(path)` that must be written."""
    prefix = f"{path}."
    return tuple(
        setting.name.removeprefix(prefix)
        for setting in SETTINGS
        if setting.name.startswith(prefix) and setting.default == "required" and "." not in setting.name[len(prefix) :]
    )
