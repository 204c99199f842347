// panels: what a route's page shows beside its differences.  Each is { node, update(detail, at) }; at: when the
// detail came, by performance.now().
"use strict";

function panelNew(title, className) {
  const body = h("div", { class: "panel-body" }), aside = h("span", { class: "panel-aside" });
  const node = h("section", { class: "panel " + (className || "") },
    h("div", { class: "panel-head" }, h("h3", { text: title }), aside), body);
  return { node, body, aside };
}

// Draws only when what is shown has changed, so that a selection or a focus in it stays.
function drawn(body, value, draw) {
  const key = JSON.stringify(value);
  if (body.drawnFrom === key) return;
  body.drawnFrom = key;
  body.replaceChildren(...[draw()].flat().filter(Boolean));
}

function meter(share, tone, label) {
  const bar = h("i");
  bar.style.width = Math.max(0, Math.min(1, known(share) ? share : 0)) * 100 + "%";
  return h("div", { class: "meter " + (tone || ""), role: "img", "aria-label": label }, bar);
}

const pairLine = (name, ...value) => h("div", { class: "kv" }, h("dt", { text: name }), h("dd", {}, ...value));

// ---- parity ----

const PARITY_RESULTS = [["equal", "equal"], ["different", "different"], ["failed", "no answer to compare"], ["dropped", "not tried"]];

function parityPanel() {
  const { node, body } = panelNew("Parity");
  return { node, update(detail) {
    drawn(body, detail.parity, () => {
      const parity = detail.parity;
      if (!parity) return h("p", { class: "hint", text: "There is no legacy side to compare with." });
      const compared = (parity.equal || 0) + (parity.different || 0);
      const all = PARITY_RESULTS.reduce((n, [key]) => n + (parity[key] || 0), 0);
      const bar = h("div", { class: "stage-bar", role: "img", "aria-label":
        PARITY_RESULTS.map(([key, text]) => `${count(parity[key])} ${text}`).join(", ") },
        ...PARITY_RESULTS.map(([key]) => {
          const part = h("i", { class: "p-" + key });
          part.style.flexGrow = all ? (parity[key] || 0) / all : 0;
          return part;
        }));
      return [h("p", { class: "headline" }, h("b", { class: "big", text: compared ? parityText(parity.ratio) : "–" }),
        h("span", { text: compared ? `surely at least ${parityText(parity.low)}` : "nothing compared yet" })), bar,
        h("dl", {}, ...PARITY_RESULTS.map(([key, text]) => pairLine(text, h("i", { class: "key p-" + key }), count(parity[key]))))];
    });
  } };
}

// ---- guard ----

function guardRows(guard) {
  const seen = guard.seen || {}, legacy = seen.legacy || {}, grpc = seen.grpc || {};
  const share = (side) => side.requests > 0 ? side.errors / side.requests : NaN;
  const rows = [], most = shareOf(guard.errors), least = shareOf(guard.parity);
  rows.push(["Requests", count(grpc.requests), "needs " + count(guard.requests),
    guard.requests > 0 ? sum(grpc.requests) / guard.requests : 1, sum(grpc.requests) >= guard.requests ? "good" : ""]);
  if (most > 0) {
    const over = sum(share(grpc)) - sum(share(legacy));
    rows.push(["Errors", `${percent(share(grpc))} · legacy ${percent(share(legacy))}`, `at most ${guard.errors} more`,
      over / most, over > most ? "bad" : over > most / 2 ? "warn" : "good"]);
  }
  if (least > 0) {
    const ratio = seen.compared > 0 ? seen.equal / seen.compared : NaN;
    rows.push(["Parity", `${parityText(ratio)} of ${count(seen.compared)}`, `at least ${guard.parity}`,
      known(ratio) ? (1 - ratio) / (1 - least || 1e-6) : 0, ratio < least ? "bad" : "good"]);
  }
  if (guard.p99_ratio > 0) {
    const ratio = legacy.p99_ms > 0 ? grpc.p99_ms / legacy.p99_ms : NaN;
    rows.push(["p99", `${ms(grpc.p99_ms)} · legacy ${ms(legacy.p99_ms)}`, `at most ×${guard.p99_ratio}`,
      known(ratio) ? ratio / guard.p99_ratio : 0, ratio > guard.p99_ratio ? "bad" : ratio > guard.p99_ratio * 0.8 ? "warn" : "good"]);
  }
  return rows;
}

function guardPanel() {
  const { node, body, aside } = panelNew("Guard");
  return { node, update(detail) {
    const guard = detail.guard, watches = detail.stage === "canary";
    setText(aside, !guard ? "" : watches ? "watching" : "rests outside canary");
    aside.className = "panel-aside" + (guard && watches ? " is-on" : "");
    drawn(body, [guard, watches], () => {
      if (!guard) return h("p", { class: "hint", text: "No guard: nothing moves this route back by itself." });
      return [h("p", { class: "hint", text: `Goes back to ${stageLabel(guard.back_to)}. Window ${duration(guard.window_ms)}${
        guard.seen && known(guard.seen.window_ms) ? `, ${duration(guard.seen.window_ms)} of it seen` : ""}.` }),
        ...guardRows(guard).map(([name, value, limit, part, tone]) => h("div", { class: "gauge" },
          h("span", { class: "gauge-name", text: name }), h("span", { class: "gauge-value", text: value }),
          h("span", { class: "gauge-limit", text: limit }), meter(part, tone, `${name}: ${value}, ${limit}`)))];
    });
  } };
}

// ---- ramp ----

function rampPanel() {
  const { node, body, aside } = panelNew("Ramp");
  let endsAt = NaN, holdMs = 0;
  const left = h("b"), bar = meter(0, "good", "time at this step");
  const tick = () => {
    const rest = Math.max(0, endsAt - performance.now());
    setText(left, Number.isNaN(endsAt) ? "–" : rest > 0 ? duration(Math.ceil(rest / 1000) * 1000) : "done");
    bar.firstChild.style.width = Number.isNaN(endsAt) || !(holdMs > 0) ? "0" : (1 - rest / holdMs) * 100 + "%";
  };
  return { node, tick, update(detail, at) {
    const ramp = detail.ramp, runs = Boolean(ramp && !ramp.held && detail.stage === "canary");
    node.hidden = !ramp;
    if (!ramp) return;
    holdMs = ramp.hold_ms;
    endsAt = runs && known(ramp.hold_left_ms) ? at + ramp.hold_left_ms : NaN;
    setText(aside, ramp.held ? "held" : runs ? "running" : detail.stage === "grpc" ? "finished" : "waits for canary");
    aside.className = "panel-aside" + (ramp.held ? " is-bad" : runs ? " is-on" : "");
    drawn(body, [{ ...ramp, hold_left_ms: 0 }, runs], () => {
      const steps = h("ol", { class: "steps" }, ...(ramp.steps || []).map((step, i) => h("li", {
        class: known(ramp.step) && i < ramp.step ? "done" : i === ramp.step ? "now" : null,
        "aria-current": i === ramp.step ? "step" : null, text: step })));
      const least = shareOf(ramp.min_parity);
      return [steps, ramp.held ? h("p", { class: "fault", text: "The guard moved this route back. The ramp waits until somebody moves it." }) : null,
        h("div", { class: "gauge" }, h("span", { class: "gauge-name", text: "Hold" }), h("span", { class: "gauge-value" }, left, " left"),
          h("span", { class: "gauge-limit", text: "of " + duration(ramp.hold_ms) }), bar),
        h("div", { class: "gauge" }, h("span", { class: "gauge-name", text: "Compared" }),
          h("span", { class: "gauge-value", text: count(ramp.compared) }), h("span", { class: "gauge-limit", text: "needs " + count(ramp.min_compared) }),
          meter(ramp.min_compared > 0 ? ramp.compared / ramp.min_compared : 1, "good", "comparisons at this step")),
        h("div", { class: "gauge" }, h("span", { class: "gauge-name", text: "Parity" }),
          h("span", { class: "gauge-value", text: known(ramp.low) && ramp.compared > 0 ? "surely ≥ " + parityText(ramp.low) : "–" }),
          h("span", { class: "gauge-limit", text: "needs " + ramp.min_parity }),
          meter(ramp.compared > 0 ? ramp.low : 0, ramp.low >= least ? "good" : "warn", "lower bound of parity at this step"))];
    });
    tick();
  } };
}

// ---- coverage ----

function coveragePanel() {
  const { node, body, aside } = panelNew("Coverage");
  return { node, update(detail) {
    const coverage = detail.coverage;
    const fields = coverage && coverage.fields || {};
    setText(aside, coverage && fields.total > 0 ? `${count(fields.seen)} of ${count(fields.total)} fields` : "");
    drawn(body, [coverage, detail.legacy], () => {
      if (!coverage) return h("p", { class: "hint", text: detail.legacy
        ? "Which fields, enum values and statuses the comparisons have seen: nothing yet." : "Nothing is compared on this route." });
      const enums = Array.isArray(coverage.enums) ? coverage.enums : [], missing = fields.missing || [];
      const chip = (text, className) => h("span", { class: "value-chip " + className, text });
      return [meter(fields.total > 0 ? fields.seen / fields.total : 0, "good", "fields seen"),
        missing.length ? h("details", {}, h("summary", { text: `${plural(missing.length, "field")} not seen yet` }),
          h("p", { class: "chips-line" }, ...missing.slice(0, 200).map((text) => chip(text, "missing"))))
          : fields.total > 0 ? h("p", { class: "hint", text: "Every field of the answer has been compared." }) : null,
        h("dl", {}, ...enums.slice(0, 40).map((e) => pairLine(e.field, ...(e.seen || []).map((v) => chip(v, "seen")),
          ...(e.missing || []).map((v) => chip(v, "missing")))),
        pairLine("Statuses", ...Object.entries(coverage.statuses || {}).map(([code, n]) => chip(`${code} × ${count(n)}`, "seen"))))];
    });
  } };
}

// ---- journal ----

function journalPanel() {
  const { node, body, aside } = panelNew("Journal");
  const list = h("ol", { class: "journal" }), none = h("p", { class: "hint", text: "No moves yet." });
  body.append(list, none);
  return { node, update(detail) {
    const moves = Array.isArray(detail.journal) ? detail.journal : [];
    const keyed = moves.map((move, i) => ({ move, key: JSON.stringify(move) + (moves.length - i) }));
    setText(aside, moves.length ? plural(moves.length, "move") : "");
    none.hidden = moves.length > 0;
    reconcile(list, keyed, (k) => k.key, ({ move }) => h("li", { class: "by-" + (["guard", "ramp", "operator"].includes(move.who) ? move.who : "other") },
      h("time", { datetime: String(move.at), title: String(move.at), text: clock(move.at) }),
      h("span", { class: "moved" }, ...(standText(move.from) === standText(move.to) ? [standText(move.to)]
        : [standText(move.from), h("span", { class: "arrow", text: " → " }), h("b", { text: standText(move.to) })])),
      h("span", { class: "who", text: String(move.who) }), move.why ? h("span", { class: "why", text: String(move.why) }) : null));
  } };
}

// ---- how the route is set up ----

function setupPanel() {
  const { node, body } = panelNew("Configuration");
  return { node, update(detail) {
    drawn(body, [detail.rpc, detail.upstream, detail.legacy, detail.group, detail.rules, detail.configured,
      { ...detail.shadow, running: 0 }, detail.also], () => {
      const shadow = detail.shadow, code = (text) => h("code", { text: String(text) });
      return h("dl", {}, pairLine("rpc", code(detail.rpc)), pairLine("gRPC upstream", code(detail.upstream)),
        pairLine("legacy", detail.legacy ? code(detail.legacy) : "none"),
        detail.group ? pairLine("group", code(detail.group)) : null,
        ...(detail.rules || []).map((rule) => pairLine("match", code(rule.match), rule.body ? h("small", { text: ` body ${rule.body}` }) : null)),
        detail.configured ? pairLine("stage in the file", standText(detail.configured)) : null,
        shadow ? pairLine("shadow", [`sample ${shadow.sample}`, `${shadow.in_flight} in flight`, shadow.body ? `bodies to ${bytes(shadow.body)}` : null,
          `${duration(shadow.timeout_ms)} timeout`, shadow.unsafe ? "unsafe methods too" : "safe methods only"].filter(Boolean).join(", ")) : null);
    });
  } };
}

function bytes(n) {
  if (typeof n === "string") return n;
  return n >= 1 << 20 ? +(n / (1 << 20)).toFixed(1) + " MiB" : n >= 1024 ? +(n / 1024).toFixed(1) + " KiB" : n + " B";
}
