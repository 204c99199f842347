// list: all routes, one row each, with the sum of them above.
// Rows are there from the beginning (so that Tab and the browser's search reach them), but what is in
// them is made when they come near the window, and drawn anew only while they are there.
"use strict";

const SORTS = {
  configured: { label: "As configured", value: null },
  name: { label: "Name", value: (r) => r.name },
  stage: { label: "Stage, furthest first", value: (r) => -STAGES.indexOf(r.stage) - (shareOf(r.share) || 0) / 10 },
  traffic: { label: "Traffic, most first", value: (r, h) => -(sum(h.legacy.rateNow()) + sum(h.grpc.rateNow())) },
  errors: { label: "Errors of gRPC, most first", value: (r, h) => -sum(h.grpc.errorsNow()) },
  latency: { label: "p99 of gRPC, slowest first", value: (r) => -sum(sideOf(r, "grpc").p99_ms) },
  parity: { label: "Parity, lowest first", value: (r) => r.parity && known(r.parity.ratio) ? r.parity.ratio : 2 },
};

const sum = (n) => known(n) ? n : 0;
const sideOf = (route, side) => (route.sides ? route.sides[side] : side === "grpc" ? route : null) || {};
const isDifferent = (route) => Boolean(route.parity && route.parity.different > 0);

const FILTERS = [["all", "All"], ...STAGES.map((s) => [s, stageLabel(s)]), ["different", "Differences"]];

function matches(route, filter) {
  if (filter.stage === "different" ? !isDifferent(route)
    : filter.stage !== "all" && route.stage !== filter.stage) return false;
  const text = [route.name, route.match, ...(route.also || []), route.rpc, route.upstream, route.legacy,
    route.group].join(" ").toLowerCase();
  return filter.words.every((word) => text.includes(word));
}

function matchNodes(match) {
  const at = String(match).indexOf(" ");
  const method = at > 0 ? match.slice(0, at) : "";
  return [h("span", { class: "method", text: method }), h("span", { class: "path", text: String(match).slice(at + 1) })];
}

// ---- a row ----

function pairOfFigures(className) {
  const figures = SIDES.map((side) => h("span", { class: "figure " + side, title: SIDE_NAMES[side] },
    h("i", { class: "key" }), h("span", { class: className === "named" ? null : "sr", text: SIDE_NAMES[side] + " " }), h("b")));
  return { node: h("div", { class: "pair " + (className || "") }, ...figures),
    set: (side, text, bad) => {
      const figure = figures[SIDES.indexOf(side)];
      setText(figure.lastElementChild, text);
      figure.classList.toggle("bad", Boolean(bad));
    } };
}

function cell(className, label, ...children) {
  return h("div", { class: "cell " + className, role: "cell" }, h("span", { class: "cell-label", text: label,
    "aria-hidden": "true" }), ...children);
}

// The cells beside the name; update(route, history) draws them.
function rowCells(route, context) {
  const track = trackNew();
  const since = h("span", { class: "since" });
  track.node.append(since);
  const rates = pairOfFigures(), errors = pairOfFigures(), times = pairOfFigures("wide");
  const rateChart = chartNew(bothSides("rate"), 28), errorChart = chartNew(bothSides("errors"), 28);
  const timeChart = chartNew(latencyLines, 28);
  const parityBig = h("b"), parityLow = h("small"), parityNote = h("small");
  const parity = h("a", { class: "parity", href: context.href(route, "differences") },
    h("span", {}, parityBig, " ", parityLow), parityNote);
  const parityNone = h("span", { class: "none", text: "no legacy side" });
  const move = h("button", { type: "button", class: "small move-button", text: "Move…",
    "aria-label": "Move " + route.name, click: () => context.move(node.route) });
  const node = {
    route,
    cells: [cell("c-stage", "Stage", track.node), cell("c-rate", "Requests", rateChart.node, rates.node),
      cell("c-errors", "Errors", errorChart.node, errors.node),
      cell("c-time", "p50 / p99 ms", timeChart.node, times.node),
      cell("c-parity", "Parity", parity, parityNone), cell("c-move", "", move)],
    update(now, history) {
      node.route = now;
      track.update(now);
      setText(since, now.since ? ago(now.since) : "");
      const texts = { rate: {}, errors: {}, time: {} };
      for (const side of SIDES) {
        const there = side === "grpc" || isMovable(now);
        const share = history[side].errorsNow(), figures = sideOf(now, side);
        rates.set(side, texts.rate[side] = there ? rate(history[side].rateNow()) : "–");
        errors.set(side, texts.errors[side] = percent(share), share >= 0.01);
        times.set(side, texts.time[side] = known(figures.p99_ms)
          ? `${ms(figures.p50_ms, true)} / ${ms(figures.p99_ms, true)}` : "–");
      }
      const words = (what, t) => `${what}: legacy ${t.legacy}, gRPC ${t.grpc}`;
      rateChart.update(history, words("Requests", texts.rate), 1);
      errorChart.update(history, words("Errors", texts.errors), 0.02);
      timeChart.update(history, words("p50 and p99 in milliseconds", texts.time));
      parity.hidden = !now.parity;
      parityNone.hidden = Boolean(now.parity);
      if (now.parity) rowParity(parity, [parityBig, parityLow, parityNote], now);
      move.hidden = !isMovable(now);
    },
  };
  return node;
}

function rowParity(link, [big, least, note], route) {
  const { equal, different, ratio, low } = route.parity, compared = (equal || 0) + (different || 0);
  setText(big, compared ? parityText(ratio) : "–");
  setText(least, compared ? "≥ " + parityText(low) : "");
  setText(note, !compared ? "nothing compared" : different
    ? `${compact(different)} of ${compact(compared)} differ` : `${compact(compared)}, all equal`);
  link.className = "parity " + (!compared ? "unknown" : ratio === 1 ? "good" : ratio >= 0.99 ? "fair" : "poor");
  setAttr(link, "aria-label", `Parity of ${route.name}: ${compared
    ? `${parityText(ratio)}, at least ${parityText(low)}` : "nothing compared"}; show differences`);
}

// ---- the sum ----

function summaryNew(histories) {
  const stages = STAGES.map((stage) => ({ stage, part: h("i", { class: stage }), number: h("b") }));
  const rates = pairOfFigures("named"), errors = pairOfFigures("named");
  const rateChart = chartNew(bothSides("rate"), 36), errorChart = chartNew(bothSides("errors"), 36);
  const total = h("b", { class: "big" }), onGrpc = h("b", { class: "big" }), wrong = h("b", { class: "big" });
  const parity = h("b", { class: "big" }), parityNote = h("small");
  const bar = h("div", { class: "stage-bar", role: "img" }, ...stages.map((s) => s.part));
  const tile = (title, ...rest) => h("section", { class: "tile" }, h("h2", { text: title }), ...rest);
  const node = h("div", { class: "summary" },
    tile("Routes", total, bar, h("div", { class: "legend" }, ...stages.map((s) => h("span", { class: "figure" },
      h("i", { class: "key " + s.stage }), stageLabel(s.stage) + " ", s.number)))),
    tile("Answered by gRPC", onGrpc, rateChart.node, rates.node),
    tile("Errors", wrong, errorChart.node, errors.node),
    tile("Parity", parity, parityNote));
  return {
    node,
    update(routes) {
      const t = histories.total, rateOf = (side) => t[side].rateNow();
      setText(total, count(routes.length));
      for (const s of stages) {
        const n = routes.filter((route) => route.stage === s.stage).length;
        setText(s.number, count(n));
        s.part.style.flexGrow = n;
      }
      setAttr(bar, "aria-label", stages.map((s) => `${s.number.textContent} ${stageLabel(s.stage)}`).join(", "));
      const all = sum(rateOf("legacy")) + sum(rateOf("grpc"));
      setText(onGrpc, all > 0 ? percent(sum(rateOf("grpc")) / all) : "–");
      for (const side of SIDES) {
        rates.set(side, rate(rateOf(side)));
        errors.set(side, percent(t[side].errorsNow()), t[side].errorsNow() >= 0.01);
      }
      const failures = SIDES.reduce((n, side) => n + t[side].failures.total(HISTORY_WINDOW), 0);
      const requests = SIDES.reduce((n, side) => n + t[side].requests.total(HISTORY_WINDOW), 0);
      setText(wrong, requests > 0 ? percent(failures / requests) : "–");
      rateChart.update(t, `Requests: legacy ${rate(rateOf("legacy"))}, gRPC ${rate(rateOf("grpc"))}`, 1);
      errorChart.update(t, `Errors: legacy ${percent(t.legacy.errorsNow())}, gRPC ${percent(t.grpc.errorsNow())}`, 0.02);
      summaryParity(parity, parityNote, routes);
    },
  };
}

function summaryParity(big, note, routes) {
  const add = (key) => routes.reduce((n, route) => n + (route.parity && route.parity[key] || 0), 0);
  const equal = add("equal"), different = add("different"), compared = equal + different;
  setText(big, compared ? parityText(equal / compared) : "–");
  const routesWith = routes.filter(isDifferent).length;
  setText(note, !compared ? "nothing compared yet" : `${compact(different)} of ${compact(compared)} comparisons differ${
    routesWith ? `, on ${plural(routesWith, "route")}` : ""}`);
}

// ---- the page ----

function listNew(context) {
  const filter = { stage: "all", words: [] };
  const summary = summaryNew(context.histories);
  const search = h("input", { type: "search", id: "filter", placeholder: "Filter by name, path, rpc, group",
    "aria-label": "Filter routes", autocomplete: "off", spellcheck: "false" });
  const chips = FILTERS.map(([stage, label]) => h("button", { type: "button", class: "chip",
    "aria-pressed": String(stage === "all"), click: () => { filter.stage = stage; show(true); } }, label, h("b")));
  const sort = h("select", { id: "sort", "aria-label": "Sort routes" },
    ...Object.entries(SORTS).map(([value, { label }]) => h("option", { value, text: label })));
  const rows = h("div", { class: "rows", role: "rowgroup" });
  const empty = h("div", { class: "empty", hidden: true });
  const head = h("div", { role: "rowgroup" }, h("div", { class: "row-head", role: "row" },
    ...["Route", "Stage", "Requests", "Errors", "p50 / p99 ms", "Parity", "Change"].map((text) =>
      h("span", { role: "columnheader", class: text === "Change" ? "sr" : null, text }))));
  const table = h("div", { class: "table", role: "table", "aria-label": "Routes" }, head, rows);
  const node = h("div", { class: "page" }, h("h1", { class: "sr", text: "Routes" }), summary.node,
    h("div", { class: "tools" }, search, h("div", { class: "chips", role: "group", "aria-label": "Stage" }, ...chips), sort),
    table, empty);
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      entry.target.isNear = entry.isIntersecting;
      if (entry.isIntersecting) rowDraw(entry.target);
    }
  }, { rootMargin: "300px" });
  let routes = null, order = [];

  function rowMake(route) {
    const row = h("div", { class: "row-route", role: "row" }, h("div", { class: "cell c-name", role: "rowheader" },
      h("a", { class: "name", href: context.href(route), text: route.name }),
      h("div", { class: "match" }, ...matchNodes(route.match))));
    near.observe(row);
    return row;
  }

  function rowDraw(row) {
    if (!row.cells) {
      row.cells = rowCells(row.route, context);
      row.append(...row.cells.cells);
    }
    row.cells.update(row.route, context.histories.of(row.route.name));
  }

  function sorted(list) {
    const { value } = SORTS[sort.value];
    if (!value) return list;
    const keyed = list.map((route) => [value(route, context.histories.of(route.name)), route]);
    return keyed.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, route]) => route);
  }

  // Rows do not change places under somebody's hand.
  function show(isAsked) {
    if (!routes) return;
    const held = !isAsked && (rows.matches(":hover") || rows.contains(document.activeElement));
    const shown = routes.filter((route) => matches(route, filter));
    if (!held) order = sorted(shown).map((route) => route.name);
    const place = new Map(order.map((name, i) => [name, i]));
    if (held) shown.sort((a, b) => (place.get(a.name) ?? 1e9) - (place.get(b.name) ?? 1e9));
    else shown.sort((a, b) => place.get(a.name) - place.get(b.name));
    reconcile(rows, shown, (route) => route.name, rowMake, (row, route) => {
      row.route = route;
      if (row.isNear) rowDraw(row);
    });
    setAttr(table, "aria-rowcount", String(shown.length + 1));
    chips.forEach((chip, i) => {
      const [stage] = FILTERS[i];
      setAttr(chip, "aria-pressed", String(filter.stage === stage));
      setText(chip.lastElementChild, count(routes.filter((r) => matches(r, { stage, words: [] })).length));
    });
    emptyShow(shown.length);
  }

  function emptyShow(shown) {
    empty.hidden = shown > 0;
    table.hidden = shown === 0;
    if (shown > 0) return;
    if (routes.length === 0) {
      empty.replaceChildren(h("p", { text: "The configuration has no routes." }));
      return;
    }
    empty.replaceChildren(h("p", { text: "No route matches the filter." }), h("button", { type: "button", text: "Clear the filter",
      click: () => { search.value = ""; filter.words = []; filter.stage = "all"; show(true); search.focus(); } }));
  }

  search.addEventListener("input", () => {
    filter.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    show(true);
    announce(`${plural(rows.children.length, "route")} shown.`);
  });
  sort.addEventListener("change", () => show(true));
  rows.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const row = step && event.target.closest(".row-route"), next = row && row[step];
    if (!next) return;
    event.preventDefault();
    next.querySelector(".name").focus();
  });
  return {
    node, title: "Sluice",
    update(now) {
      routes = now;
      summary.update(now);
      show(false);
    },
    focusRow(name) {
      const row = rows.keyed && rows.keyed.get(name);
      if (row) row.querySelector(".name").focus();
    },
  };
}

// While nothing has come yet.
function skeletonNew() {
  return h("div", { class: "page", "aria-busy": "true" }, h("p", { class: "sr", text: "Loading the routes" }),
    h("div", { class: "summary" }, ...[1, 2, 3, 4].map(() => h("div", { class: "tile skeleton" }))),
    h("div", { class: "table" }, ...Array.from({ length: 8 }, () => h("div", { class: "row-route skeleton" }))));
}
