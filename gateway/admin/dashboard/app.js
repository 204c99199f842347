// app: the loop that asks, the address of what is shown, and whether the gateway is there.
"use strict";

const AWAY_MS = [2000, 4000, 8000, 15000]; // pauses between attempts while the gateway is away

const app = {
  histories: new Histories(),
  routes: null, // the last answer
  view: null,
  timer: 0,
  running: null,
  paused: false,
  failures: 0,
  answeredAt: 0,
  nextAt: 0,

  poll() {
    clearTimeout(app.timer);
    if (app.running) { app.wantsMore = true; return app.running; }
    app.running = app.ask().finally(() => {
      app.running = null;
      const pause = app.failures ? AWAY_MS[Math.min(app.failures, AWAY_MS.length) - 1] : POLL_MS;
      app.nextAt = performance.now() + pause;
      if (app.wantsMore) { app.wantsMore = false; app.poll(); return; }
      if (!app.paused && !document.hidden) app.timer = setTimeout(app.poll, pause);
      app.showLink();
    });
    return app.running;
  },

  async ask() {
    try {
      const routes = await api.get("/routes");
      if (!Array.isArray(routes)) throw new ApiError(200, "The list of routes is not a list.");
      if (app.failures && app.routes) announce("The gateway answers again.");
      app.failures = 0;
      app.fault = "";
      app.answeredAt = performance.now();
      app.histories.add(routes, app.answeredAt);
      app.tellMoves(app.routes, routes);
      app.routes = routes;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      app.failures++;
      app.fault = error.message;
      app.histories.gap();
      if (app.failures === 1) announce("The gateway does not answer.");
    }
    app.showLink();
    app.show();
    if (!app.failures && app.view && app.view.fetch) await app.view.fetch();
  },

  // Who looks elsewhere hears of what the guard does.
  tellMoves(before, now) {
    if (!before) return;
    const old = new Map(before.map((route) => [route.name, route]));
    const moved = now.filter((route) => old.has(route.name) && standText(old.get(route.name)) !== standText(route));
    if (moved.length > 3) { toast(`${moved.length} routes moved.`); return; }
    for (const route of moved) {
      const from = old.get(route.name), isBack = STAGES.indexOf(route.stage) < STAGES.indexOf(from.stage);
      toast(`${route.name} is now at ${standText(route)} (was ${standText(from)}).`, isBack ? "warn" : "");
    }
  },

  showLink() {
    const link = document.getElementById("link"), away = document.getElementById("away");
    const state = app.failures ? "away" : app.routes === null ? "wait" : app.paused ? "paused" : "live";
    link.className = "top-state is-" + state;
    setText(document.getElementById("link-text"), { away: "away", wait: "connecting", paused: "paused", live: "live" }[state]);
    away.hidden = !app.failures;
    if (!app.failures) return;
    const wait = Math.max(0, Math.ceil((app.nextAt - performance.now()) / 1000));
    const age = app.routes ? ` What is shown is ${duration(performance.now() - app.answeredAt)} old.` : "";
    document.getElementById("away-text").textContent = app.fault + age
      + (app.running ? " Asking…" : app.paused ? "" : ` Next attempt in ${wait} s.`);
  },

  show() {
    if (app.routes === null) return;
    if (!app.view) app.open();
    app.view.update(app.routes);
  },

  // The address behind #: "/" or "/route/NAME[/SECTION]".
  open() {
    const [, kind, name, section] = location.hash.slice(1).split("/");
    const main = document.getElementById("main");
    const from = app.view;
    let text = "";
    try { text = decodeURIComponent(name || ""); } catch { text = ""; }
    if (app.routes === null) return;
    if (kind === "route" && text) {
      if (from === app.list) app.scroll = scrollY;
      app.view = detailNew(app, text, section === "differences" ? section : null);
      app.left = text;
    } else {
      app.list = app.list || listNew({
        histories: app.histories,
        href: (route, part) => "#/route/" + addressPart(route.name) + (part ? "/" + part : ""),
        move: (route) => moveDialog(route, null, () => app.poll()),
      });
      app.view = app.list;
    }
    document.title = app.view.title;
    main.replaceChildren(app.view.node);
    app.view.update(app.routes);
    if (app.view === app.list) {
      scrollTo(0, app.scroll || 0);
      if (from) app.list.focusRow(app.left);
    } else {
      scrollTo(0, 0);
      app.view.heading.focus({ preventScroll: true });
      app.poll();
    }
  },

  start() {
    document.getElementById("main").append(skeletonNew());
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault(); // the address after # is the place in the page already
      document.getElementById("main").focus();
    });
    document.getElementById("token-button").addEventListener("click", tokenDialog);
    document.getElementById("retry").addEventListener("click", () => app.poll());
    const pause = document.getElementById("pause");
    pause.addEventListener("click", () => {
      app.paused = !app.paused;
      pause.setAttribute("aria-pressed", String(app.paused));
      pause.textContent = app.paused ? "Resume" : "Pause";
      clearTimeout(app.timer);
      if (app.paused) app.showLink(); else app.poll();
    });
    addEventListener("hashchange", () => app.open());
    document.addEventListener("visibilitychange", () => { if (!document.hidden && !app.paused) app.poll(); });
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const inField = event.target.matches("input, select, textarea");
      if (event.key === "Escape" && app.view && app.view !== app.list && !inField) location.hash = "#/";
      if (event.key === "/" && !inField && app.view === app.list) {
        event.preventDefault();
        document.getElementById("filter").focus();
      }
    });
    setInterval(() => {
      if (app.view && app.view.tick) app.view.tick();
      if (app.failures) app.showLink();
    }, 1000);
    app.poll();
  },
};

app.start();
