// api: the gateway's own HTTP API, on the host that the page came from.
"use strict";

const POLL_MS = 2000;
const API_TIMEOUT_MS = 8000;

class ApiError extends Error {
  // status 0: no answer.
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

const api = {
  token: "", // in memory only: a reload of the page forgets it

  async ask(method, path, body) {
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (method !== "GET" && api.token) headers.Authorization = "Bearer " + api.token;
    let answer, text;
    try {
      answer = await fetch(path, {
        method, headers, body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store", credentials: "omit", redirect: "error",
        signal: AbortSignal.timeout(API_TIMEOUT_MS),
      });
      text = await answer.text();
    } catch {
      throw new ApiError(0, "The gateway does not answer.");
    }
    let value = null;
    try { value = text ? JSON.parse(text) : null; } catch { value = null; }
    if (!answer.ok) {
      const said = value && typeof value.error === "string" ? value.error : text.trim().slice(0, 300);
      throw new ApiError(answer.status, said || `status ${answer.status}`);
    }
    if (value === null && text.trim() !== "" && text.trim() !== "null")
      throw new ApiError(answer.status, "The answer is not JSON.");
    return value;
  },

  get: (path) => api.ask("GET", path),
  path: (name, rest) => "/routes/" + addressPart(name) + (rest ? "/" + rest : ""),
};

// ---- the token ----

function tokenShow() {
  const button = document.getElementById("token-button");
  button.textContent = api.token ? "Token set" : "Token";
  button.classList.toggle("is-set", api.token !== "");
}

function tokenField(id) {
  const input = h("input", { type: "password", id, autocomplete: "off", spellcheck: "false",
    autocapitalize: "off", maxlength: "1024" });
  return { input, node: h("div", { class: "field" }, h("label", { for: id, text: "Bearer token" }), input,
    h("p", { class: "hint" }, "The word in admin.token_file. It stays in this page's memory only.")) };
}

function tokenDialog() {
  const field = tokenField("token-input");
  field.input.value = api.token;
  const dialog = dialogNew("Token for changes", [field.node], "Keep", () => {
    api.token = field.input.value.trim();
    tokenShow();
    dialog.close();
    announce(api.token ? "Token kept." : "Token forgotten.");
  });
  if (api.token) dialog.foot.prepend(h("button", { type: "button", class: "quiet", text: "Forget",
    click: () => { api.token = ""; tokenShow(); dialog.close(); announce("Token forgotten."); } }));
  dialog.showModal();
  field.input.focus();
}

// ---- dialogs: Escape and Cancel close; focus returns to what opened it (the browser's own doing) ----

function dialogNew(title, content, action, submit) {
  const id = "dialog-title-" + Math.random().toString(36).slice(2);
  const fault = h("p", { class: "fault", role: "alert", hidden: true });
  const primary = h("button", { type: "submit", class: "primary", text: action });
  const foot = h("div", { class: "dialog-foot" }, h("span", { class: "spacer" }),
    h("button", { type: "button", text: "Cancel", click: () => dialog.close() }), primary);
  const form = h("form", { novalidate: true, submit: (event) => { event.preventDefault(); submit(); } },
    h("h2", { id, text: title }), ...content, fault, foot);
  const dialog = h("dialog", { "aria-labelledby": id }, form);
  dialog.foot = foot;
  dialog.primary = primary;
  dialog.fault = (text) => { fault.hidden = !text; setText(fault, text || ""); };
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  return dialog;
}
