// The page Now goes on: each event of /now/events sets its cards and adds to its charts. Without it the page is as of its loading.

const DAY_MS = 24 * 3600 * 1000;
const AGAIN_MS = 60 * 1000;
const points = new Map();  // by feature, then by time: what events brought, for charts that are drawn anew

function remember(feature, rows) {
  const known = points.get(feature) ?? new Map();
  for (const row of rows) known.set(row.at, row);
  points.set(feature, known);
}

// Rows are as the page's own data: times as text that sorts as they do.
function grow(figure) {
  const known = points.get(figure.dataset.live);
  const view = globalThis.floorline.viewOf(figure.dataset.chart);
  if (!known?.size || !view) return;
  const last = [...known.keys()].sort().at(-1);
  const first = new Date(Date.parse(last) - DAY_MS).toISOString();
  const before = view.data("points").filter((row) => row.at >= first && !known.has(row.at));
  const rows = [...before, ...[...known.values()].filter((row) => row.at >= first)];
  view.data("points", rows.map(({ at, usd, unusual, label }) => ({ at, usd, unusual, label }))).runAsync();
}

function setCard(name, { text, exact, note }) {
  const card = document.querySelector(`[data-card="${CSS.escape(name)}"]`);
  const figure = card?.querySelector(".figure");
  if (!figure) return;
  const place = figure.querySelector("a") ?? figure;
  const words = text ?? "unknown";
  if (place.textContent !== words) {
    place.replaceChildren(Object.assign(document.createElement("span"), { textContent: words, title: exact, className: text === null ? "unknown" : "" }));
    if (card.dataset.unit === "count") {  // what happened, and not what flows
      figure.classList.remove("changed");
      requestAnimationFrame(() => figure.classList.add("changed"));
    }
  }
  const said = card.querySelector(".note");
  if (said) said.textContent = note;
}

const state = Object.assign(document.createElement("span"), { className: "live" });
state.setAttribute("role", "status");
document.querySelector(".about p a")?.before(state);
const say = (text) => { if (state.textContent !== text) state.textContent = text; };

function take(message) {
  const told = JSON.parse(message.data);
  for (const [name, card] of Object.entries(told.cards)) setCard(name, card);
  for (const [feature, rows] of Object.entries(told.points)) remember(feature, rows);
  document.querySelectorAll("figure[data-live]").forEach(grow);
  const lead = document.querySelector(".lead");
  if (lead && lead.textContent !== told.lead) lead.textContent = told.lead;
  const time = document.querySelector(".about time");
  if (time) Object.assign(time, { dateTime: told.at, textContent: told.clock });
  document.body.dataset.live = told.at;
  say("● live");
}

function listen() {
  const source = new EventSource(`/now/events${location.search}`);
  source.addEventListener("now", take);
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return say("○ not live: connecting again");
    say("○ not live: as of when it was loaded");
    setTimeout(listen, AGAIN_MS);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

document.addEventListener("floorline:drawn", (event) => { if (event.target.dataset?.live) grow(event.target); });
say("○ connecting");
listen();
