// mock: an admin listener whose answers a test chooses, for what a real gateway rarely shows.
// The page itself is the built one, with the headers that the program gives it.
"use strict";
const http = require("http");
const { World, SUGGESTION } = require("./figures.js");

class Mock {
  // page: { headers, body }
  constructor(page) {
    this.page = page;
    this.reset();
    this.serverNew();
  }

  serverNew() {
    this.server = http.createServer((request, response) => this.answer(request, response));
  }

  reset(world = new World()) {
    this.world = world;
    this.token = "";      // asked for when it is set
    this.override = {};   // path -> { status, body } or function
    this.changes = [];    // what was asked for: [method, path, body, authorization]
    this.pace = 1;        // of the world's time
    this.advanced = Date.now();
  }

  listen(port = 0) {
    return new Promise((done) => this.server.listen(port, "127.0.0.1", () => {
      this.port = this.server.address().port;
      this.url = `http://127.0.0.1:${this.port}/`;
      done(this);
    }));
  }

  // As a gateway that is not there.
  stop() {
    return new Promise((done) => { this.server.close(() => done()); this.server.closeAllConnections(); });
  }

  // On the port that it had.
  revive(port) {
    this.serverNew();
    return this.listen(port);
  }

  answer(request, response) {
    let body = "";
    request.on("data", (piece) => { body += piece; });
    request.on("end", () => {
      const path = decodeURIComponent(request.url.split("?")[0]);
      if (path === "/") {
        response.writeHead(200, this.page.headers);
        response.end(this.page.body);
        return;
      }
      const override = this.override[path];
      const made = typeof override === "function" ? override(request.method, body) : override || this.api(request, path, body);
      response.writeHead(made.status || 200, { "content-type": "application/json", "cache-control": "no-store" });
      response.end(typeof made.body === "string" ? made.body : JSON.stringify(made.body));
    });
  }

  api(request, path, body) {
    const now = Date.now(), missing = { status: 404, body: { error: "no route of this name" } };
    if (now - this.advanced > 200) {
      this.world.advance((now - this.advanced) / 1000 * this.pace);
      this.advanced = now;
    }
    if (path === "/routes") return { body: this.world.routes.map((route) => this.world.listed(route)) };
    const [, first, name, rest] = path.split("/");
    const route = first === "routes" ? this.world.routes.find((r) => r.name === name) : null;
    if (!route) return missing;
    if (request.method !== "GET") return this.change(request, route, path, rest, body);
    if (!rest) return { body: this.world.detail(route) };
    if (rest === "diffs") return { body: this.world.diffs(route) };
    if (rest === "pairs") return { body: this.world.pairs(route) };
    if (rest === "suggest") return { body: SUGGESTION };
    return missing;
  }

  change(request, route, path, rest, body) {
    const authorization = request.headers.authorization || null;
    this.changes.push([request.method, path, body ? JSON.parse(body) : null, authorization]);
    if (this.token && authorization !== "Bearer " + this.token) return { status: 401, body: "a bearer token is needed\n" };
    if (request.method === "DELETE" && rest === "diffs") {
      route.cleared = true;
      return { body: {} };
    }
    const wanted = JSON.parse(body), group = this.world.routes.filter((r) => r === route || r.options.group && r.options.group === route.options.group);
    const from = group.map((r) => this.world.move(r, wanted.stage, wanted.share || null, "operator", wanted.why || ""))[group.indexOf(route)];
    return { body: { name: route.name, stage: wanted.stage, share: wanted.share || null, from, moved: group.map((r) => r.name) } };
  }
}

// What a real admin listener serves as its page.
async function pageOf(address) {
  const answer = await fetch(address);
  const kept = /^(content-type|content-security-policy|x-content-type-options|cache-control)$/;
  if (!answer.ok) throw new Error(`${address}: status ${answer.status}`);
  return { headers: Object.fromEntries([...answer.headers].filter(([name]) => kept.test(name))), body: Buffer.from(await answer.arrayBuffer()) };
}

module.exports = { Mock, pageOf };
