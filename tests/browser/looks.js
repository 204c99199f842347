// looks: what can be said of a page by looking at all its elements: contrast, names, roles, widths.
"use strict";

// [[ratio, text, colour, background]] of texts below WCAG 2.2's 1.4.3; runs in the page.
function lowContrast() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = new Map();
  const parse = (color) => {
    if (!parsed.has(color)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      parsed.set(color, [r, g, b, a / 255]);
    }
    return parsed.get(color);
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const luminance = (c) => c.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((n, v, i) => n + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(parse(getComputedStyle(e).backgroundColor));
      if (layers[layers.length - 1][3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const found = [];
  let looked = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.textContent.trim() || element.closest(".sr, .skip, script, style, noscript, :disabled")) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const style = getComputedStyle(element), background = ground(element);
    let opacity = 1;
    for (let e = element; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
    const [r, g, b, a] = parse(style.color), color = over([r, g, b, a * opacity], background);
    const [light, dark] = [luminance(color), luminance(background)].sort((x, y) => y - x);
    const ratio = (light + 0.05) / (dark + 0.05), size = parseFloat(style.fontSize);
    looked++;
    if (ratio < (size >= 24 || size >= 18.66 && style.fontWeight >= 700 ? 3 : 4.5))
      found.push([ratio.toFixed(2), node.textContent.trim().slice(0, 40), element.className, style.color, background.map(Math.round).join()]);
  }
  return { looked, found };
}

// What a screen reader would stumble over; runs in the page.
function accessFaults() {
  const faults = [];
  const said = (element) => `${element.tagName.toLowerCase()}.${element.className.baseVal ?? element.className} ${element.textContent.slice(0, 30)}`;
  const shown = [...document.querySelectorAll("body *")].filter((e) => e.checkVisibility({ visibilityProperty: true }));
  const nameOf = (e) => (e.getAttribute("aria-label")
    || (e.getAttribute("aria-labelledby") || "").split(" ").map((id) => id && document.getElementById(id)?.textContent).join(" ").trim()
    || (e.labels && [...e.labels].map((l) => l.textContent).join(" ")) || e.textContent || e.getAttribute("title") || "").trim();
  const ids = new Set();
  for (const e of document.querySelectorAll("[id]")) {
    if (ids.has(e.id)) faults.push("id twice: " + e.id);
    ids.add(e.id);
  }
  if (!document.documentElement.lang) faults.push("no language");
  if (document.querySelectorAll("main h1").length !== 1) faults.push("not one h1");
  if (!document.querySelector("[aria-live]")) faults.push("no live region");
  const parents = { row: "rowgroup", rowgroup: "table", cell: "row", rowheader: "row", columnheader: "row", tab: "tablist" };
  for (const e of shown) {
    const role = e.getAttribute("role");
    if (e.matches("button, a[href], input, select, textarea, summary, [role=img], [role=table], [role=tablist], [role=group], dialog") && !nameOf(e))
      faults.push("no name: " + said(e));
    if (e.matches("input:not([type=radio]), select") && !(e.labels && e.labels.length) && !e.getAttribute("aria-label")) faults.push("no label: " + said(e));
    if (e.tabIndex > 0) faults.push("tabindex over 0: " + said(e));
    if (parents[role] && e.parentElement.getAttribute("role") !== parents[role]) faults.push(`a ${role} outside of a ${parents[role]}: ` + said(e));
    if (e.tagName === "svg" && !role && !e.getAttribute("aria-hidden")) faults.push("svg without a role: " + said(e));
    if (e.closest("[aria-hidden=true]") && e.tabIndex >= 0) faults.push("hidden but in the way of Tab: " + said(e));
    for (const name of ["aria-controls", "aria-labelledby", "for"])
      for (const id of (e.getAttribute(name) || "").split(" ")) if (id && !document.getElementById(id)) faults.push(`${name} of nobody: ` + said(e));
    if (e.matches("button button, a a, a button, button a")) faults.push("one control in another: " + said(e));
  }
  return faults;
}

// Elements that reach over the right edge without a scrolling ancestor; runs in the page.
function tooWide() {
  const width = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > width) found.push(`the page: ${document.documentElement.scrollWidth} > ${width}`);
  for (const e of document.querySelectorAll("body *")) {
    if (!e.checkVisibility() || e.closest(".sr, .skip, svg")) continue;
    if (e.getBoundingClientRect().right <= width + 1) continue;
    let held = false;
    for (let p = e.parentElement; p; p = p.parentElement) held ||= getComputedStyle(p).overflowX !== "visible";
    if (!held) found.push(e.className + " " + e.textContent.slice(0, 40));
  }
  return found;
}

module.exports = { lowContrast, accessFaults, tooWide };
