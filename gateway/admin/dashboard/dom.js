// dom: elements, keyed lists, and how figures are written.
// Everything from the API is foreign text: it becomes text nodes and attribute values, never markup.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [key, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(key, value);
    else if (key === "text") node.textContent = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// h("button", { class: "quiet", click: f }, "text", node): functions are listeners.
const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);
const svg = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

function setText(node, text) {
  if (node.shownText === text) return;
  node.shownText = text;
  node.textContent = text;
}

function setAttr(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// Makes the children of `parent` those of `items`, in order, by key; what stays keeps focus and state.
// make(item) -> node; update(node, item).
function reconcile(parent, items, keyOf, make, update) {
  const known = parent.keyed || (parent.keyed = new Map());
  const keep = new Set();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    if (keep.has(key)) continue;
    keep.add(key);
    let node = known.get(key);
    if (!node) known.set(key, node = make(item));
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
    if (update) update(node, item);
  }
  for (const [key, node] of known) {
    if (keep.has(key)) continue;
    node.remove();
    known.delete(key);
  }
}

// ---- figures ----

const whole = new Intl.NumberFormat("en");
const known = (n) => typeof n === "number" && Number.isFinite(n);
const count = (n) => known(n) ? whole.format(Math.round(n)) : "–";

const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const compact = (n) => !known(n) ? "–" : short.format(n);

function rate(n) {
  if (!known(n)) return "–";
  if (n === 0) return "0/s";
  if (n < 9.95) return n.toFixed(1) + "/s";
  if (n < 9999.5) return whole.format(Math.round(n)) + "/s";
  return n < 999500 ? (n / 1000).toFixed(n < 99950 ? 1 : 0) + "k/s" : (n / 1e6).toFixed(1) + "M/s";
}

function percent(share) {
  if (!known(share)) return "–";
  const n = share * 100;
  if (n === 0) return "0%";
  if (n < 0.01) return "<0.01%";
  return (n < 1 ? n.toFixed(2) : n < 10 ? n.toFixed(1) : n.toFixed(0)) + "%";
}

// Rounded down, so that nothing below all shows as 100%.
function parityText(ratio) {
  if (!known(ratio)) return "–";
  if (ratio === 1) return "100%";
  const digits = ratio >= 0.99 ? 100 : 10;
  return (Math.floor(ratio * 100 * digits + 1e-9) / digits).toFixed(digits === 100 ? 2 : 1) + "%";
}

function ms(n, bare) {
  if (!known(n)) return "–";
  if (n >= 999.5) return (n / 1000).toFixed(n < 9995 ? 1 : 0) + (bare ? "s" : " s");
  return n.toFixed(n < 9.95 ? 1 : 0) + (bare ? "" : " ms");
}

function duration(millis) {
  if (!known(millis)) return "–";
  if (millis < 1000) return Math.round(millis) + " ms";
  let s = Math.round(millis / 1000);
  if (s < 60) return s + " s";
  const hours = Math.floor(s / 3600), minutes = Math.floor(s % 3600 / 60);
  s %= 60;
  if (hours) return hours + " h" + (minutes ? " " + minutes + " min" : "");
  return minutes + " min" + (s ? " " + s + " s" : "");
}

function ago(time) {
  const at = Date.parse(time);
  if (!Number.isFinite(at)) return "–";
  const s = Math.max(0, (Date.now() - at) / 1000);
  if (s < 10) return "just now";
  if (s < 60) return Math.floor(s) + " s ago";
  if (s < 3600) return Math.floor(s / 60) + " min ago";
  if (s < 86400) return Math.floor(s / 3600) + " h ago";
  return Math.floor(s / 86400) + " d ago";
}

function clock(time) {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return String(time);
  const hms = at.toLocaleTimeString("en-GB");
  return at.toDateString() === new Date().toDateString()
    ? hms : at.toLocaleDateString("en-GB", { day: "numeric", month: "short" }) + " " + hms;
}

// "12.5%" or 0.125 -> 0.125; anything else is NaN.
function shareOf(value) {
  if (typeof value === "number") return value;
  const found = /^\s*([0-9]+(?:\.[0-9]+)?)\s*%\s*$/.exec(String(value));
  return found ? Number(found[1]) / 100 : NaN;
}

// A lone surrogate, which no address can hold, becomes U+FFFD.
const addressPart = (text) => encodeURIComponent(String(text).replace(/\p{Surrogate}/gu, "\ufffd"));

const plural = (n, one, many) => count(n) + " " + (n === 1 ? one : many || one + "s");

function announce(text) {
  const live = document.getElementById("live");
  live.append(h("p", { text }));
  while (live.children.length > 5) live.firstChild.remove();
}

function toast(text, tone) {
  const box = document.getElementById("toasts");
  const node = h("div", { class: "toast " + (tone || ""), text });
  box.append(node);
  announce(text);
  while (box.children.length > 4) box.firstChild.remove();
  setTimeout(() => node.remove(), 8000);
}

function copyButton(textOf, label) {
  const button = h("button", { type: "button", class: "small", "aria-label": label, text: "Copy" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(textOf());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Copy refused";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  return button;
}
