// stage: the four steps of a migration, drawn, named, and changed.
"use strict";

const STAGES = ["legacy", "shadow", "canary", "grpc"];
const STAGE_LABELS = { legacy: "legacy", shadow: "shadow", canary: "canary", grpc: "gRPC" };

const stageLabel = (stage) => STAGE_LABELS[stage] || String(stage);
const standText = (stand) => !stand ? "–"
  : stageLabel(stand.stage) + (stand.stage === "canary" && stand.share ? " " + stand.share : "");
const isMovable = (route) => Boolean(route.legacy);

// The small track of a row.  update(route).
function trackNew() {
  const steps = STAGES.map(() => h("i"));
  const label = h("span", { class: "track-label" });
  const bar = h("span", { class: "track", role: "img" }, ...steps);
  const node = h("div", { class: "stage" }, bar, label);
  return {
    node,
    update(route) {
      const at = STAGES.indexOf(route.stage);
      steps.forEach((step, i) => trackStep(step, i, at, route));
      setText(label, standText(route));
      label.className = "track-label is-" + (at >= 0 ? route.stage : "unknown");
      setAttr(bar, "aria-label", `Stage ${standText(route)}, step ${at + 1} of 4`);
    },
  };
}

function trackStep(step, i, at, route) {
  step.className = "step " + STAGES[i] + (i < at ? " done" : i === at ? " now" : "");
  const share = i === 2 && at === 2 ? shareOf(route.share) : 1;
  step.style.setProperty("--filled", Number.isNaN(share) ? "100%" : Math.max(8, share * 100) + "%");
}

// The wide one of a route's own page: each step opens the dialog.
function trackWide(route, move) {
  const steps = STAGES.map((stage, i) => {
    const bar = h("i"), text = h("span", { class: "step-name" });
    const button = h("button", { type: "button", class: "wide-step", click: () => move(stage) },
      bar, h("span", { class: "step-number", text: String(i + 1) }), text);
    return { button, bar, text };
  });
  return {
    node: h("div", { class: "track-wide", role: "group", "aria-label": "Stages" },
      ...steps.map((s) => s.button)),
    update(now) {
      const at = STAGES.indexOf(now.stage);
      steps.forEach(({ button, bar, text }, i) => {
        trackStep(bar, i, at, now);
        setText(text, stageLabel(STAGES[i]) + (i === 2 && at === 2 && now.share ? " " + now.share : ""));
        button.disabled = !isMovable(now);
        if (i === at) button.setAttribute("aria-current", "step");
        else button.removeAttribute("aria-current");
        setAttr(button, "aria-label", i === at ? `${standText(now)}: the present stage`
          : `Move to ${stageLabel(STAGES[i])}`);
      });
    },
  };
}

// ---- what a move does, in words ----

function stageMeaning(to, share, detail) {
  const shadow = detail.shadow || {};
  const sample = shadow.sample && shadow.sample !== "100%" ? `A sample of ${shadow.sample}` : "Each request";
  const methods = shadow.unsafe ? "" : " with a safe method (GET, HEAD)";
  switch (to) {
  case "legacy":
    return ["Legacy answers every request.", "Nothing is sent to gRPC and nothing is compared."];
  case "shadow":
    return ["Legacy answers every request.",
      `${sample}${methods} is sent to gRPC too, after the client has its answer, and both answers are compared.`];
  case "canary":
    return [`gRPC answers ${share || "its share"} of the requests, legacy the rest.`,
      detail.guard ? `The guard watches: worse than legacy, and the route goes back to ${
        stageLabel(detail.guard.back_to)} by itself.`
        : "This route has no guard: a fault lasts until somebody moves it back.",
      ...(detail.ramp && detail.ramp.steps ? ["The ramp goes on from there by itself."] : [])];
  default:
    return ["gRPC answers every request.",
      shadow.legacy ? "Legacy is still asked in the background, and compared."
        : "Nothing is compared any more."];
  }
}

// Reasons to think again; empty: none.
function stageDoubts(route, to, share) {
  const doubts = [], from = STAGES.indexOf(route.stage), target = STAGES.indexOf(to);
  const parity = route.parity || {};
  const compared = (parity.equal || 0) + (parity.different || 0);
  if (target >= 2 && target >= from && to !== "legacy") {
    if (compared === 0) doubts.push("No answer has been compared yet.");
    else if (known(parity.low) && parity.low < 0.999)
      doubts.push(`Parity is only known to be at least ${parityText(parity.low)} (${
        plural(compared, "comparison")}, ${count(parity.different)} different).`);
  }
  if (to === "grpc" && from < 2) doubts.push("This leaves out canary: all traffic moves in one step.");
  if (to === "canary" && route.stage === "canary" && shareOf(share) < shareOf(route.share))
    doubts.push("The share shrinks: some users go back to legacy.");
  return doubts;
}

// ---- the dialog ----

// null, or what is wrong with it.
function shareFault(text) {
  const value = shareOf(text.trim().replace(/%?$/, "%"));
  if (Number.isNaN(value)) return "The share is a percentage, such as 10 or 12.5.";
  return value > 0 && value <= 1 ? null : "The share is more than 0% and at most 100%.";
}

function moveDialog(route, wanted, done) {
  const state = { to: wanted || STAGES[Math.min(3, STAGES.indexOf(route.stage) + 1)], detail: {}, busy: false };
  const before = h("ul", { class: "meaning" }), doubts = h("ul", { class: "doubts" });
  const preview = h("p", { class: "preview" });
  const share = h("input", { type: "text", id: "move-share", inputmode: "decimal", maxlength: "9",
    autocomplete: "off", value: String(route.share || "10%").replace("%", "") });
  const shareBox = h("div", { class: "field share-field" }, h("label", { for: "move-share", text: "Share of gRPC" }),
    h("div", { class: "row" }, h("span", { class: "suffixed" }, share, h("span", { text: "%" })),
      ...["1", "5", "10", "25", "50"].map((n) => h("button", { type: "button", class: "small",
        "aria-label": `${n} percent`, text: n + "%", click: () => { share.value = n; show(); } }))));
  const why = h("input", { type: "text", id: "move-why", maxlength: "200", autocomplete: "off" });
  const token = tokenField("move-token");
  token.node.hidden = true;
  const radios = h("fieldset", { class: "choices" }, h("legend", { text: "Stage" }), ...STAGES.map((stage, i) => {
    const input = h("input", { type: "radio", name: "stage", value: stage, checked: stage === state.to,
      change: () => { state.to = stage; show(); } });
    return h("label", { class: "choice " + stage }, input, h("span", { class: "step-number", text: String(i + 1) }),
      h("span", { text: stageLabel(stage) }), stage === route.stage ? h("small", { text: "now" }) : null);
  }));
  const dialog = dialogNew("Move " + route.name, [preview, radios, shareBox, before, doubts,
    h("div", { class: "field" }, h("label", { for: "move-why", text: "Why (kept in the journal)" }), why),
    token.node], "Move", submit);
  dialog.classList.add("move");
  share.addEventListener("input", show);

  function shareText() {
    return state.to === "canary" ? share.value.trim().replace(/%$/, "") + "%" : null;
  }

  function show() {
    const text = shareText(), fault = text && shareFault(share.value);
    const same = state.to === route.stage && (!text || shareOf(text) === shareOf(route.share));
    shareBox.hidden = state.to !== "canary";
    share.toggleAttribute("aria-invalid", Boolean(fault));
    const goal = { stage: state.to, share: text };
    preview.replaceChildren(h("span", { class: "pill is-" + route.stage, text: standText(route) }),
      h("span", { class: "arrow", "aria-label": "to", role: "img", text: "→" }),
      h("span", { class: "pill is-" + state.to, text: standText(goal) }));
    const group = state.detail.group || route.group;
    before.replaceChildren(...[...stageMeaning(state.to, text, state.detail),
      ...(group ? [`All routes of the group “${group}” move together.`] : []),
      "It counts for new requests at once and survives a restart; a request in flight ends where it is."]
      .map((line) => h("li", { text: line })));
    doubts.replaceChildren(...stageDoubts(route, state.to, text).map((line) => h("li", { text: line })));
    doubts.hidden = doubts.children.length === 0;
    setText(dialog.primary, same ? "Already there" : "Move to " + standText(goal));
    dialog.primary.disabled = same || state.busy;
    dialog.primary.classList.toggle("back", STAGES.indexOf(state.to) < STAGES.indexOf(route.stage));
  }

  async function submit() {
    const text = shareText(), fault = text && shareFault(share.value);
    if (dialog.primary.disabled) return;
    if (fault) { dialog.fault(fault); share.focus(); return; }
    if (!token.node.hidden) { api.token = token.input.value.trim(); tokenShow(); }
    const body = { stage: state.to };
    if (text) body.share = text;
    if (why.value.trim()) body.why = why.value.trim();
    state.busy = true;
    dialog.fault("");
    show();
    try {
      const answer = await api.ask("PUT", api.path(route.name, "stage"), body);
      dialog.close();
      const moved = answer && Array.isArray(answer.moved) && answer.moved.length > 1
        ? ` (${plural(answer.moved.length, "route")} of the group)` : "";
      toast(`${route.name}: ${standText(answer && answer.from || route)} → ${standText(answer || body)}${moved}`, "good");
      done();
    } catch (error) {
      if (error.status === 401) {
        dialog.fault(api.token ? "The gateway refused this token." : "The gateway asks for a token.");
        token.node.hidden = false;
        api.token = "";
        tokenShow();
        token.input.value = "";
        token.input.focus();
      } else {
        dialog.fault(error.message);
      }
    } finally {
      state.busy = false;
      show();
    }
  }

  show();
  dialog.showModal();
  radios.querySelector("input:checked").focus();
  api.get(api.path(route.name)).then((detail) => { state.detail = detail || {}; show(); }, () => {});
}
