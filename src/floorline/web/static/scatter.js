// An area drawn on the scatter of customers lists those in it: the table below is asked anew with the area's bounds, and the
// address holds them. The form above the table says the same by keyboard.

const FIELDS = { pays_from: 2, pays_to: 2, keeps_from: 1, keeps_to: 1 };
let asked = 0;

function bounds(view) {
  const area = view.signal("brush");
  if (!area?.revenue || !area?.margin) return null;
  const [least, most] = [...area.revenue].sort((a, b) => a - b);
  const [low, high] = [...area.margin].sort((a, b) => a - b);
  return { pays_from: least, pays_to: most, keeps_from: low, keeps_to: high };
}

function addressOf(found) {
  const to = new URL(location.href);
  for (const name of ["page", ...Object.keys(FIELDS)]) to.searchParams.delete(name);
  for (const [name, value] of Object.entries(found ?? {})) to.searchParams.set(name, value.toFixed(FIELDS[name]));
  to.hash = "";
  return to;
}

// Only the parts that the area changes are taken from the answer; the chart keeps what was drawn on it.
async function list(found) {
  const to = addressOf(found);
  const turn = ++asked;
  const answer = await fetch(to, { headers: { accept: "text/html" } });
  if (turn !== asked) return;
  if (!answer.ok) { location.assign(to); return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (turn !== asked) return;
  for (const part of ["#customers", "#filter", "nav.tabs"]) {
    const [now, then] = [document.querySelector(part), page.querySelector(part)];
    if (now && then) now.replaceWith(document.importNode(then, true));
  }
  history.replaceState(null, "", to);
}

function watch(figure, view) {
  let last = "null";
  const settled = () => {
    const found = bounds(view);
    const now = JSON.stringify(found);
    if (now === last) return;
    last = now;
    list(found).catch(() => location.assign(addressOf(found)));
  };
  // An area may be left outside of the chart: whatever ends the drawing is heard, after the chart has heard it.
  view.addEventListener("mouseup", () => setTimeout(settled, 0));
  figure.querySelector(".plot").addEventListener("pointerdown", () => addEventListener("pointerup", () => setTimeout(settled, 50), { once: true }));
}

document.addEventListener("floorline:drawn", (event) => {
  if (event.target.dataset.chart === "scatter") watch(event.target, event.detail.view);
});
const drawn = globalThis.floorline?.viewOf("scatter");
if (drawn) watch(document.querySelector("figure[data-chart=scatter]"), drawn);
