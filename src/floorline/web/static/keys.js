// Single keys for pages on which people decide. Everything they do, links and buttons do too: they can be turned off, and
// are silent while somebody types (WCAG 2.1.4).
//
//   j k   next and previous row       o or Enter   open it       /   the filter
//   a x r n d   the button of the page that has that key         g and a letter   another page       ?   this list

const STORED = "floorline.keys";
const isOn = () => { try { return localStorage.getItem(STORED) !== "off"; } catch { return true; } };

const rows = () => [...document.querySelectorAll("section.table:not(:has(details:not([open]))) tbody tr:not(.total)")].filter((row) => row.querySelector("a"));
const links = (row) => row.querySelector("th a, td a");
let waitsForPage = false;

function step(by) {
  const all = rows();
  if (!all.length) return;
  const now = all.findIndex((row) => row.contains(document.activeElement));
  const next = now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + by, 0), all.length - 1);
  links(all[next]).focus();
  all[next].scrollIntoView({ block: "nearest" });
}

// A form with fields is gone to, so that its note can be written; a second press of Enter sends it. One without is sent.
function press(key) {
  const button = document.querySelector(`main button[data-key="${CSS.escape(key)}"]`);
  if (!button) return false;
  const field = button.form?.querySelector("textarea, input:not([type=hidden]), select");
  if (field) {
    button.form.scrollIntoView({ block: "nearest" });
    field.focus();
  } else {
    button.click();
  }
  return true;
}

function open() {
  const row = document.activeElement?.closest("tbody tr") ?? rows()[0];
  if (row) links(row)?.click();
}

function toPage(key) {
  const link = document.querySelector(`nav a[data-key="${CSS.escape(key)}"]`);
  if (link) link.click();
}

function listed() {
  const here = [...document.querySelectorAll("main button[data-key]")].map((button) => [button.dataset.key, button.textContent.trim()]);
  const there = [...document.querySelectorAll("nav a[data-key]")].map((link) => [`g ${link.dataset.key}`, link.textContent.trim()]);
  const moves = rows().length ? [["j", "next row"], ["k", "previous row"], ["o", "open it"]] : [];
  const filter = document.querySelector("form#filter") ? [["/", "the filter"]] : [];
  return [...moves, ...here, ...filter, ["?", "these keys, and the words of the page"], ...there];
}

function showHelp() {
  globalThis.floorline.help(isOn() ? listed() : []);
  const dialog = document.querySelector("#help");
  const label = Object.assign(document.createElement("label"), { className: "keys-switch" });
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: isOn() });
  box.addEventListener("change", () => { try { localStorage.setItem(STORED, box.checked ? "on" : "off"); } catch { /* no store: they stay on */ } });
  label.append(box, " Single keys are on");
  dialog.querySelector("h2").after(label);
  box.focus();
  dialog.scrollTop = 0;
}

function typing(target) {
  return target instanceof Element && (target.closest("input, textarea, select, dialog[open]") !== null || target.isContentEditable);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
  if (event.key === "?") { event.preventDefault(); showHelp(); return; }
  if (!isOn()) return;
  if (waitsForPage) { waitsForPage = false; toPage(event.key); return; }
  const done = {
    j: () => step(1),
    k: () => step(-1),
    o: open,
    g: () => { waitsForPage = true; setTimeout(() => { waitsForPage = false; }, 1500); },
    "/": () => document.querySelector("form#filter select, form#filter input:not([type=hidden])")?.focus(),
  }[event.key];
  if (done) { event.preventDefault(); done(); return; }
  if (press(event.key)) event.preventDefault();
});

document.addEventListener("floorline:help", (event) => { event.preventDefault(); showHelp(); });
