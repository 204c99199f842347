// chart: lines of both sides over the last minutes, as inline SVG.
"use strict";

const CHART_STEP = 4; // units of the viewBox between two polls
const CHART_WIDTH = (HISTORY_LENGTH - 1) * CHART_STEP;

// The path through what is known; a value alone is a short dash.
function chartPath(series, most, height) {
  const values = series.values;
  let path = "", drawing = false;
  for (let i = 0; i < HISTORY_LENGTH; i++) {
    const v = values[i];
    if (Number.isNaN(v)) { drawing = false; continue; }
    const x = i * CHART_STEP, y = (height - 1 - (height - 2) * Math.min(1, v / most)).toFixed(1);
    if (drawing) path += "L" + x + " " + y;
    else path += (i > 0 ? "M" + (x - 1) + " " + y + "L" : "M") + x + " " + y;
    drawing = true;
  }
  return path;
}

// lines: [{ class, seriesOf(history) }].  update(history, label) draws it anew.
function chartNew(lines, height, className) {
  const paths = lines.map((line) => svg("path", { class: "line " + line.class }));
  const node = svg("svg", {
    class: "chart " + (className || ""), viewBox: `0 0 ${CHART_WIDTH} ${height}`,
    preserveAspectRatio: "none", role: "img",
  }, svg("path", { class: "base", d: `M0 ${height - 1}H${CHART_WIDTH}` }), ...paths);
  const chart = { node, most: 1, update };
  function update(history, label, least) {
    const all = lines.map((line) => line.seriesOf(history));
    chart.most = Math.max(least || 1e-9, ...all.map((series) => series.max()));
    all.forEach((series, i) => setAttr(paths[i], "d", chartPath(series, chart.most, height)));
    setAttr(node, "aria-label", label);
  }
  return chart;
}

const bothSides = (name) => SIDES.map((side) => ({ class: side, seriesOf: (h) => h[side][name] }));

// p50 faint, p99 strong.
const latencyLines = SIDES.flatMap((side) => [
  { class: side + " faint", seriesOf: (h) => h[side].p50 },
  { class: side, seriesOf: (h) => h[side].p99 },
]);

// A chart with a title, both sides' figures and what stood at the pointer.
// now(sideHistory) -> number; print(number) -> text.
function chartPanel(title, note, name, now, print, least) {
  const chart = chartNew(bothSides(name), 80, "tall");
  const figures = {};
  const most = h("span", { class: "axis" });
  const hint = h("span", { class: "axis at" });
  const cursor = h("i", { class: "cursor", hidden: true });
  const plot = h("div", { class: "plot" }, chart.node, cursor, most, hint);
  const node = h("section", { class: "panel chart-panel" },
    h("h3", { title: note }, title),
    h("p", { class: "figures" }, ...SIDES.map((side) => h("span", { class: "figure " + side },
      h("i", { class: "key" }), SIDE_NAMES[side] + " ", figures[side] = h("b", { text: "–" })))),
    plot);
  let shown = null;
  function point(event) {
    const box = plot.getBoundingClientRect();
    const i = Math.round((event.clientX - box.left) / box.width * (HISTORY_LENGTH - 1));
    if (!shown || i < 0 || i >= HISTORY_LENGTH) return;
    cursor.hidden = false;
    cursor.style.left = i / (HISTORY_LENGTH - 1) * 100 + "%";
    setText(hint, `${(HISTORY_LENGTH - 1 - i) * POLL_MS / 1000} s ago: ` + SIDES.map((side) =>
      SIDE_NAMES[side] + " " + print(Number(shown[side][name].values[i]))).join(", "));
  }
  plot.addEventListener("pointermove", point);
  plot.addEventListener("pointerleave", () => { cursor.hidden = true; setText(hint, ""); });
  return {
    node,
    update(history) {
      shown = history;
      const texts = {};
      for (const side of SIDES) setText(figures[side], texts[side] = print(now(history[side])));
      chart.update(history, `${title}: legacy ${texts.legacy}, gRPC ${texts.grpc}`, least);
      setText(most, chart.most > 1e-9 ? print(chart.most) : "");
    },
  };
}
