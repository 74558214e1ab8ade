// Waits for the first call, and says when it has come: the page is asked again every two seconds.

const EVERY_MS = 2000;
const note = document.querySelector("#waiting");

async function look() {
  const answer = await fetch(`${location.pathname}.json`, { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  const { blocks } = await answer.json();
  const now = (name) => blocks.find((block) => block.name === name);
  const demo = document.querySelector("#demo");
  if (demo && now("demo")) demo.lastChild.textContent = ` ${now("demo").text}`;
  const waiting = now("waiting");
  if (waiting?.kind !== "good") return;
  clearInterval(timer);
  note.className = "notice good";
  note.textContent = `${waiting.text} `;
  for (const { text, to } of waiting.links) note.append(Object.assign(document.createElement("a"), { textContent: text, href: to }));
}

const timer = note?.classList.contains("info") ? setInterval(() => look().catch(() => {}), EVERY_MS) : 0;
note?.setAttribute("role", "status");
