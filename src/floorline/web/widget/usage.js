// <floorline-usage src="https://…/api/v1/usage/acme" token="flu_…"></floorline-usage>
// Shows a customer what is left of its plan. It needs no inline style or script, loads nothing but `src`, and sends the token
// to nobody else. docs/usage-api.md has its attributes and events.
(() => {
  "use strict";

  const STYLE = `
    :host {
      --ink: #1b1f24; --soft: #59636e; --line: #d1d9e0; --ground: #ffffff; --track: #e6eaef;
      --good: #1a7f4b; --warn: #b35900; --bad: #c0261c; --link: #0b5cad;
      display: block; box-sizing: border-box; container-type: inline-size; max-inline-size: 40rem;
      font: 400 1rem/1.45 system-ui, sans-serif; color: var(--ink); color-scheme: light;
    }
    :host([hidden]) { display: none; }
    @media (prefers-color-scheme: dark) {
      :host(:not([theme="light"])) {
        --ink: #eef1f4; --soft: #a9b4c0; --line: #3a444f; --ground: #14181d; --track: #2b333c;
        --good: #4cc38a; --warn: #f0a04b; --bad: #ff7b72; --link: #79b8ff; color-scheme: dark;
      }
    }
    :host([theme="dark"]) {
      --ink: #eef1f4; --soft: #a9b4c0; --line: #3a444f; --ground: #14181d; --track: #2b333c;
      --good: #4cc38a; --warn: #f0a04b; --bad: #ff7b72; --link: #79b8ff; color-scheme: dark;
    }
    ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.75rem; }
    li, p.note { background: var(--ground); border: 1px solid var(--line); border-radius: 0.75rem; margin: 0; padding: 1rem; }
    p { margin: 0; overflow-wrap: anywhere; }
    .name { color: var(--soft); font-size: 0.875rem; }
    .left { font-size: 1.5rem; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums; margin-block: 0.125rem 0.625rem; }
    .bar { block-size: 0.5rem; border-radius: 0.25rem; background: var(--track); overflow: hidden; }
    .bar > span { display: block; block-size: 100%; inline-size: 0; border-radius: inherit; background: var(--good); }
    .warn .bar > span { background: var(--warn); }
    .bad .bar > span { background: var(--bad); }
    .line { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; margin-block-start: 0.5rem; font-size: 0.875rem; color: var(--soft); font-variant-numeric: tabular-nums; }
    .ahead { margin-block-start: 0.5rem; font-size: 0.875rem; font-weight: 600; }
    .warn .ahead { color: var(--warn); }
    .bad .ahead { color: var(--bad); }
    a { color: var(--link); display: inline-block; margin-block-start: 0.625rem; font-size: 0.9375rem; font-weight: 600; }
    a:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; border-radius: 2px; }
    @media (forced-colors: active) { .bar { border: 1px solid CanvasText; } .bar > span { background: Highlight; forced-color-adjust: none; } }
  `;
  const REFRESH_S = 60;
  const REFRESH_S_MIN = 10;

  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);

  function make(name, className, text) {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  }

  class FloorlineUsage extends HTMLElement {
    static observedAttributes = ["src", "token", "refresh"];
    #root = this.attachShadow({ mode: "open" });
    #timer = 0;
    #asking = null;
    #planned = false;

    constructor() {
      super();
      this.#root.adoptedStyleSheets = [sheet];
    }

    connectedCallback() { this.#plan(); }
    disconnectedCallback() { this.#stop(); }
    attributeChangedCallback() { if (this.isConnected) this.#plan(); }

    // Attributes that change together are one question.
    #plan() {
      if (this.#planned) return;
      this.#planned = true;
      queueMicrotask(() => { this.#planned = false; if (this.isConnected) this.refresh(); });
    }

    #stop() {
      clearTimeout(this.#timer);
      this.#asking?.abort();
    }

    async refresh() {
      this.#stop();
      const src = this.getAttribute("src"), token = this.getAttribute("token");
      if (!src || !token) return;
      const asking = this.#asking = new AbortController();
      try {
        const answer = await fetch(src, {
          headers: { authorization: `Bearer ${token}` }, signal: asking.signal, credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store",
        });
        if (answer.status === 401 || answer.status === 403) {
          this.dispatchEvent(new CustomEvent("floorline-token", { bubbles: true, composed: true, detail: { status: answer.status } }));
          return; // a new token asks again
        }
        if (!answer.ok) throw new Error(`status ${answer.status}`);
        this.#show(await answer.json());
      } catch (error) {
        if (asking.signal.aborted) return;
        if (!this.#root.childElementCount) this.#root.replaceChildren(make("p", "note", "Usage cannot be shown at the moment."));
        this.dispatchEvent(new CustomEvent("floorline-error", { bubbles: true, composed: true, detail: { message: String(error) } }));
      }
      const stated = this.getAttribute("refresh"), every = stated === null ? REFRESH_S : Number(stated);
      if (every > 0 && this.isConnected) this.#timer = setTimeout(() => this.refresh(), Math.max(every, REFRESH_S_MIN) * 1000);
    }

    #show(usage) {
      const language = this.closest("[lang]")?.lang || navigator.language;
      if (!usage.budgets.length) {
        this.#root.replaceChildren(make("p", "note", "Your plan has no limit here."));
        return;
      }
      const list = make("ul");
      list.append(...usage.budgets.map((budget) => card(budget, language)));
      this.#root.replaceChildren(list);
    }
  }

  function card(budget, language) {
    const ratio = Number(budget.used_ratio);
    const soon = Boolean(budget.projected_exhaustion);
    const item = make("li", budget.exhausted || ratio >= 0.9 ? "bad" : ratio >= 0.75 || soon ? "warn" : "good");
    const left = `${amount(budget.remaining, budget.unit, language, "floor")} left`;
    const name = budget.title;
    const bar = make("div", "bar");
    bar.setAttribute("role", "progressbar");
    bar.setAttribute("aria-label", name);
    bar.setAttribute("aria-valuemin", "0");
    bar.setAttribute("aria-valuemax", "100");
    bar.setAttribute("aria-valuenow", String(Math.min(100, Math.round(ratio * 100))));
    bar.setAttribute("aria-valuetext", left);
    const filled = make("span");
    filled.style.inlineSize = `${Math.min(100, ratio * 100)}%`;
    bar.append(filled);
    const line = make("div", "line");
    line.append(
      make("span", "", `${number(budget.used, budget.unit, language)} of ${amount(budget.limit, budget.unit, language)} used (${percent(ratio, language)})`),
      make("span", "", `Resets ${day(budget.resets_at, language)}`),
    );
    item.append(make("p", "name", name), make("p", "left", left), bar, line);
    if (budget.exhausted) item.append(make("p", "ahead", budget.message || "Used up."));
    else if (soon) item.append(make("p", "ahead", `At this pace used up on ${day(budget.projected_exhaustion, language)}.`));
    if (/^https:\/\//.test(budget.upgrade_url || "")) {
      const link = make("a", "", "Get more");
      link.href = budget.upgrade_url;
      link.target = "_top";
      link.rel = "noopener";
      item.append(link);
    }
    return item;
  }

  // What is left is never rounded up to what is not there.
  function number(text, unit, language, roundingMode = "halfExpand") {
    const value = Number(text);
    const shape = unit === "usd" ? { style: "currency", currency: "USD" } : { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : 2 };
    return new Intl.NumberFormat(language, { ...shape, roundingMode }).format(value);
  }

  const amount = (text, unit, language, roundingMode) => `${number(text, unit, language, roundingMode)}${unit === "usd" ? "" : ` ${unit}`}`;

  const percent = (ratio, language) => new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(ratio);

  function day(instant, language) {
    const at = new Date(instant);
    const near = at - Date.now() < 86_400_000;
    const shape = near ? { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" } : { day: "numeric", month: "long" };
    return new Intl.DateTimeFormat(language, shape).format(at);
  }

  if (!customElements.get("floorline-usage")) customElements.define("floorline-usage", FloorlineUsage);
})();
