// What pages do beyond links and forms: draw charts, switch the theme, copy, and show keys and words.
// Everything works without it; it adds, and never decides.

const root = document.documentElement;
const darkQuery = matchMedia("(prefers-color-scheme: dark)");
const views = new Map();

export const isDark = () => root.dataset.theme === "dark" || (root.dataset.theme !== "light" && darkQuery.matches);

function themed(text) {
  if (!isDark()) return text;
  for (const [light, dark] of Object.entries(JSON.parse(root.dataset.dark))) text = text.replaceAll(light, dark);
  return text;
}

// Wide charts follow the page's width; those made of several keep their own.
function fitted(spec, width) {
  if (spec.width && !spec.hconcat && !spec.facet && !spec.concat) return { ...spec, width: Math.max(280, width) };
  return spec;
}

async function draw(figure) {
  const plot = figure.querySelector(".plot");
  const source = figure.querySelector("script[type='application/json']");
  const spec = fitted(JSON.parse(themed(source.textContent)), plot.clientWidth);
  delete spec.title;  // the page has it as a heading
  const tooltip = { disableDefaultStyle: true };
  const embedded = await vegaEmbed(plot, spec, { ast: true, actions: false, defaultStyle: false, renderer: "canvas", tooltip });
  views.get(figure)?.finalize();
  views.set(figure, embedded.view);
  if (figure.dataset.opens) {
    embedded.view.addEventListener("click", (_, item) => {
      const to = item?.datum?.[figure.dataset.opens];
      const address = typeof to === "string" && to.startsWith("/") ? new URL(to, location.href) : null;
      if (address?.origin === location.origin) location.assign(address);  // browsers take a backslash for a slash
    });
  }
  figure.dispatchEvent(new CustomEvent("floorline:drawn", { bubbles: true, detail: { view: embedded.view } }));
}

async function drawAll() {
  const figures = [...document.querySelectorAll("figure[data-chart]")];
  if (!figures.length || typeof vegaEmbed !== "function") return;
  for (const figure of figures) {
    try {
      await draw(figure);
    } catch (error) {
      figure.querySelector(".plot").textContent = "The chart could not be drawn; its figures are in the table.";
      console.error(error);
    }
  }
  document.body.dataset.drawn = String(figures.length);
}

export const viewOf = (name) => views.get(document.querySelector(`figure[data-chart="${CSS.escape(name)}"]`));

function themeSwitch(button) {
  const word = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.hidden = false;
  word();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme}; Path=/; Max-Age=31536000; SameSite=Lax`;
    word();
    drawAll();
  });
}

function copying(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

// One dialog: the keys that are there now, and the words of this page.
export function help(keys = []) {
  const dialog = document.querySelector("#help") ?? Object.assign(document.createElement("dialog"), { id: "help" });
  dialog.replaceChildren();
  const heading = Object.assign(document.createElement("h2"), { textContent: "Keys and words of this page" });
  const list = document.createElement("dl");
  for (const [key, said] of keys) {
    list.append(Object.assign(document.createElement("dt"), { textContent: key }), Object.assign(document.createElement("dd"), { textContent: said }));
  }
  dialog.append(heading, list);
  const words = document.querySelector("#definitions dl");
  if (words) dialog.append(words.cloneNode(true));
  const close = Object.assign(document.createElement("button"), { textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  dialog.append(close);
  document.body.append(dialog);
  dialog.showModal();
}

document.querySelectorAll("[data-theme-switch]").forEach(themeSwitch);
document.querySelectorAll("[data-copy]").forEach(copying);
document.querySelectorAll("[data-help]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => document.dispatchEvent(new CustomEvent("floorline:help", { cancelable: true })) && help());
});
if (matchMedia("(max-width: 56rem)").matches) document.querySelectorAll(".menu").forEach((menu) => { menu.open = false; });
darkQuery.addEventListener("change", drawAll);
let resized;
addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(drawAll, 250); });
globalThis.floorline = { viewOf, help, isDark, redraw: drawAll };
drawAll();
