// detail: one route's page: stage, charts, parity, differences, newest pairs, guard, ramp, journal.
"use strict";

// ---- differences ----

function valueNode(text) {
  return text === null || text === undefined ? h("span", { class: "absent", text: "absent" }) : h("code", { text: String(text) });
}

function differenceRow(showPair) {
  return (d) => {
    const counted = h("b"), last = h("span", { class: "hint" }), marks = h("span");
    const legacy = h("span"), grpc = h("span"), fix = h("span");
    const pointer = h("button", { type: "button", class: "pointer", text: String(d.pointer),
      title: "Show the newest pair with it", click: () => showPair(d) });
    const part = (className, label, ...children) => h("div", { class: "cell " + className, role: "cell" },
      h("span", { class: "cell-label", text: label, "aria-hidden": "true" }), ...children);
    const node = h("div", { class: "row-diff", role: "row" }, part("d-pointer", "Pointer", pointer, marks), part("d-kind", "Kind", kindNode(d.kind)),
      part("d-count", "Count", counted, last), part("d-value legacy", "Legacy", legacy), part("d-value grpc", "gRPC", grpc),
      part("d-fix", "Removed by", fix));
    node.show = (now) => {
      setText(counted, count(now.count));
      setText(last, now.last ? ago(now.last) : "");
      drawn(legacy, now.legacy === undefined ? null : now.legacy, () => valueNode(now.legacy));
      drawn(grpc, now.grpc === undefined ? null : now.grpc, () => valueNode(now.grpc));
      drawn(marks, now.unstable, () => now.unstable ? h("span", { class: "unstable", text: "unstable",
        title: "Two answers of legacy itself differ here: noise, better ignored" }) : []);
      drawn(fix, [now.option, now.unstable], () => {
        const option = now.option || (now.unstable ? `compare.ignore: [${now.pattern || now.pointer}]` : null);
        return option ? [h("code", { text: option }), copyButton(() => option, "Copy the option " + option)]
          : h("span", { class: "hint", text: "a change in the service" });
      });
    };
    return node;
  };
}

function differencesPanel(context) {
  const { node, body, aside } = panelNew("Differences", "wide");
  const rows = h("div", { class: "rows", role: "rowgroup" });
  const table = h("div", { class: "diffs", role: "table", "aria-label": "Differences" }, h("div", { role: "rowgroup" },
    h("div", { class: "diff-head", role: "row" }, ...["Pointer", "Kind", "Count", "Legacy", "gRPC", "Removed by"].map((text) =>
      h("span", { role: "columnheader", text })))), rows);
  const none = h("p", { class: "empty-line" }), fault = h("p", { class: "fault", hidden: true });
  const suggest = h("div", { class: "suggest", hidden: true });
  const tools = h("div", { class: "panel-tools" },
    h("button", { type: "button", class: "small", text: "Suggest options", click: suggestShow }),
    h("button", { type: "button", class: "small", text: "Clear…", click: clear }));
  body.append(fault, table, none, suggest, tools);
  node.id = "differences";

  async function suggestShow() {
    suggest.hidden = false;
    suggest.replaceChildren(h("p", { class: "hint", text: "Asking…" }));
    try {
      const answer = await api.get(api.path(context.name, "suggest"));
      const yaml = String(answer && answer.yaml || "");
      suggest.replaceChildren(h("div", { class: "panel-head" }, h("h4", { text: "For the configuration file" }), copyButton(() => yaml, "Copy the YAML"),
        h("button", { type: "button", class: "small", text: "Close", click: () => { suggest.hidden = true; } })),
      yaml ? h("pre", { tabindex: "0", text: yaml }) : h("p", { class: "hint", text: "No option would remove what differs." }));
    } catch (error) {
      suggest.replaceChildren(h("p", { class: "fault", text: error.message }));
    }
  }

  function clear() {
    const token = tokenField("clear-token");
    token.node.hidden = true;
    const dialog = dialogNew("Clear the differences of " + context.name, [h("p", { text:
      "Forgets the differences and pairs found so far, and parity begins anew. Metrics and the journal stay. The next difference begins a new list." }), token.node],
    "Clear", async () => {
      if (!token.node.hidden) { api.token = token.input.value.trim(); tokenShow(); }
      try {
        await api.ask("DELETE", api.path(context.name, "diffs"));
        dialog.close();
        toast("Differences cleared.", "good");
        context.again();
      } catch (error) {
        dialog.fault(error.status === 401 ? "The gateway asks for a token." : error.message);
        if (error.status !== 401) return;
        token.node.hidden = false;
        token.input.focus();
      }
    });
    dialog.showModal();
  }

  return { node, update(list, error, route) {
    fault.hidden = !error;
    setText(fault, error ? "The differences cannot be had: " + error : "");
    const differences = Array.isArray(list) ? list : [];
    setText(aside, differences.length ? plural(differences.length, "pointer") : "");
    table.hidden = differences.length === 0;
    none.hidden = differences.length > 0 || Boolean(error);
    tools.hidden = differences.length === 0;
    const compared = route && route.parity ? route.parity.equal + route.parity.different : 0;
    setText(none, list === null ? "Loading…" : compared > 0 ? `${plural(compared, "comparison")}, and no difference kept.` : "Nothing has been compared yet.");
    reconcile(rows, differences, (d) => d.kind + " " + (d.pattern || d.pointer), differenceRow(context.showPair),
      (row, d) => row.show(d));
  } };
}

// ---- pairs ----

function pairsPanel() {
  const { node, body, aside } = panelNew("Newest pairs", "wide");
  const tabs = h("div", { class: "pairs", role: "tablist", "aria-label": "Pairs of answers, newest first" });
  const view = h("div", { class: "pair-view", role: "tabpanel", id: "pair-view" });
  const none = h("p", { class: "empty-line" });
  body.append(tabs, view, none, h("p", { class: "hint legend-line" }, h("span", { class: "swatch differs" }), "a difference ",
    h("span", { class: "swatch other" }), "written otherwise, counts as equal"));
  node.id = "pairs";
  let pairs = [], selected = null;
  const keyOf = (pair) => pair.at + " " + pair.request;

  function select(key, focus) {
    selected = key;
    for (const tab of tabs.children) {
      const on = tab.pairKey === key;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      if (on && focus) tab.focus();
    }
    const pair = pairs.find((p) => keyOf(p) === key);
    drawn(view, pair || null, () => pair ? compareNode(pair) : []);
  }

  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || pairs.length === 0) return;
    event.preventDefault();
    const at = pairs.findIndex((p) => keyOf(p) === selected);
    select(keyOf(pairs[(at + step + pairs.length) % pairs.length]), true);
  });

  return { node,
    update(list, error) {
      const fresh = Array.isArray(list) ? list : [];
      // The pair under one's eyes stays, though newer ones came and it is gone from the gateway.
      const kept = pairs.find((p) => keyOf(p) === selected);
      pairs = kept && !fresh.some((p) => keyOf(p) === selected) && fresh.length ? [...fresh, kept] : fresh;
      setText(aside, error ? "cannot be had: " + error : pairs.length ? `${pairs.length} kept` : "");
      none.hidden = pairs.length > 0;
      node.classList.toggle("is-empty", pairs.length === 0);
      setText(none, list === null ? "Loading…" : "No pair of answers that differed.");
      reconcile(tabs, pairs, keyOf, (pair) => {
        const tab = h("button", { type: "button", role: "tab", class: "pair-tab", "aria-controls": "pair-view", "aria-selected": "false",
          tabindex: "-1", click: () => select(keyOf(pair)) }, h("span", { class: "request", text: String(pair.request) }),
        h("small", { text: `${clock(pair.at)} · ${plural((pair.differences || []).length, "difference")}` }));
        tab.pairKey = keyOf(pair);
        return tab;
      });
      if (pairs.length && !pairs.some((p) => keyOf(p) === selected)) selected = keyOf(pairs[0]);
      select(pairs.length ? selected : null);
    },
    // The newest pair that holds the difference.
    show(difference) {
      const find = (pair) => compareFinder([{ ...difference, pointer: difference.pattern || difference.pointer }, difference]);
      const pair = pairs.find((p) => (p.differences || []).some((d) => d.kind === difference.kind
        && (d.pointer === difference.pointer || find(p)({ pointers: [String(d.pointer)], closes: null }))));
      if (!pair) { toast("No kept pair of answers holds this difference."); return; }
      select(keyOf(pair), true);
      node.scrollIntoView({ block: "start" });
    } };
}

// ---- the page ----

function chartsNew() {
  const last = (name) => (side) => side[name].recent(1)[0];
  return [
    chartPanel("Requests", "a second, by the side that was asked first", "rate", (s) => s.rateNow(), rate, 1),
    chartPanel("Errors", "5xx and cut answers among all", "errors", (s) => s.errorsNow(), percent, 0.02),
    chartPanel("p50", "median latency since the gateway started", "p50", last("p50"), ms),
    chartPanel("p99", "latency of the slowest hundredth since the gateway started", "p99", last("p99"), ms),
  ];
}

function detailNew(app, name, section) {
  const context = { name, again: () => app.poll(), showPair: (d) => pairs.show(d) };
  const state = { route: null, detail: null, at: 0, missing: false, wanted: section };
  const h1 = h("h1", { tabindex: "-1", text: name }), match = h("p", { class: "match" });
  const since = h("p", { class: "hint" });
  const track = trackWide({}, (stage) => move(stage));
  const moveButton = h("button", { type: "button", class: "primary", text: "Move…", click: () => move() });
  const parity = parityPanel(), guard = guardPanel(), ramp = rampPanel(), coverage = coveragePanel();
  const journal = journalPanel(), setup = setupPanel(), charts = chartsNew();
  const differences = differencesPanel(context), pairs = pairsPanel();
  const fault = h("p", { class: "fault", role: "alert", hidden: true });
  const stagePanel = h("section", { class: "panel stage-panel" }, h("div", { class: "panel-head" }, h("h3", { text: "Stage" }), since, moveButton), track.node);
  const migration = [parity.node, guard.node, ramp.node];
  const node = h("div", { class: "page detail" }, h("nav", { "aria-label": "Place" }, h("a", { href: "#/", class: "back", text: "← All routes" })),
    h("div", { class: "title" }, h1, match), fault, stagePanel, h("div", { class: "grid four" }, ...charts.map((c) => c.node)),
    h("div", { class: "grid three" }, ...migration), differences.node, pairs.node,
    h("div", { class: "grid three" }, coverage.node, journal.node, setup.node));

  function move(stage) {
    if (state.route && isMovable(state.route)) moveDialog(state.route, stage, () => app.poll());
  }

  function show() {
    const detail = { ...state.route, ...state.detail, ...state.route };
    drawn(match, [detail.match, detail.also, detail.rpc], () => [...matchNodes(detail.match || ""),
      ...(detail.also || []).flatMap((m) => matchNodes(m)), h("span", { class: "arrow", text: "→ " }), h("span", { class: "path", text: String(detail.rpc) })]);
    track.update(detail);
    moveButton.hidden = !isMovable(detail);
    const configured = detail.configured && standText(detail.configured) !== standText(detail)
      ? `; the file says ${standText(detail.configured)}` : "";
    setText(since, isMovable(detail) ? (detail.since ? "since " + clock(detail.since) : "") + configured : "No legacy side: gRPC answers, and there is nothing to move.");
    for (const panel of [parity, guard, ramp, coverage, journal, setup]) panel.update(detail, state.at);
    for (const chart of charts) chart.update(app.histories.of(name));
    for (const part of [parity.node, guard.node, differences.node, pairs.node, coverage.node]) part.hidden = !isMovable(detail);
    if (!isMovable(detail)) ramp.node.hidden = true;
  }

  return {
    node, title: name + " · Sluice", heading: h1,
    update(routes) {
      state.route = routes.find((route) => route.name === name) || null;
      fault.hidden = Boolean(state.route);
      setText(fault, state.route ? "" : "There is no route of this name any more.");
      if (state.route) show();
    },
    // What only this page needs; after each poll of the routes.
    async fetch() {
      if (!state.route) return;
      const safe = (promise) => promise.then((value) => ({ value }), (error) => ({ error }));
      const [detail, diffs, newest] = await Promise.all([safe(api.get(api.path(name))),
        ...(isMovable(state.route) ? [safe(api.get(api.path(name, "diffs"))), safe(api.get(api.path(name, "pairs")))] : [])]);
      if (detail.value) Object.assign(state, { detail: detail.value, at: performance.now() });
      show();
      for (const [panel, answer] of [[differences, diffs], [pairs, newest]]) {
        if (!answer) continue;
        if (answer.error && answer.error.status === 0) continue; // the banner says so; what is there stays
        panel.update(answer.error ? [] : answer.value, answer.error && answer.error.message, state.route);
      }
      if (state.wanted && diffs) {
        const target = document.getElementById(state.wanted);
        state.wanted = null;
        if (target) target.scrollIntoView({ block: "start" });
      }
    },
    tick: ramp.tick,
  };
}
