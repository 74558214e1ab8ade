// Waits for the first call, and while the demo is loaded: the page is asked again every two seconds, and says what has become of it.

const EVERY_MS = 2000;
const NAMES = ["waiting", "demo"];
const noteOf = (name) => document.getElementById(name);
const awaited = (name) => noteOf(name)?.classList.contains("info");

function say(note, { kind, title, text, links }) {
  note.className = `notice ${kind}`;
  note.replaceChildren();
  if (title) note.append(Object.assign(document.createElement("b"), { textContent: title }), " ");
  note.append(text);
  for (const link of links) note.append(" ", Object.assign(document.createElement("a"), { textContent: link.text, href: link.to }));
}

async function look() {
  const answer = await fetch(`${location.pathname}.json`, { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  const { blocks } = await answer.json();
  for (const name of NAMES.filter(awaited)) {
    const now = blocks.find((block) => block.name === name);
    if (now) say(noteOf(name), now);
  }
  if (!NAMES.some(awaited)) clearInterval(timer);
}

NAMES.forEach((name) => noteOf(name)?.setAttribute("role", "status"));
const timer = NAMES.some(awaited) ? setInterval(() => look().catch(() => {}), EVERY_MS) : 0;
