// figures: what the admin API could answer, for a gateway in the middle of a migration.
// The world moves with time: counters grow, pairs come, a ramp runs.  Everything is drawn from a seed.
"use strict";

function random(seed) { // mulberry32
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// name, match, rpc, stage, share, requests/s, options
const ROUTES = [
  ["get-user", "GET /v1/users/{user_id}", "userservice.UserService/GetUser", "canary", "25%", 412, { group: "users", ramp: true, guard: true }],
  ["list-users", "GET /v1/users", "userservice.UserService/ListUsers", "canary", "25%", 96, { group: "users", guard: true, also: ["GET /v1/groups/{group}/users"] }],
  ["create-user", "POST /v1/users", "userservice.UserService/CreateUser", "shadow", null, 14, { different: 0.031, errors: 0.004 }],
  ["update-user", "PATCH /v1/users/{user.user_id}", "userservice.UserService/UpdateUser", "legacy", null, 9, {}],
  ["delete-user", "DELETE /v1/users/{user_id}", "userservice.UserService/DeleteUser", "legacy", null, 0.6, {}],
  ["get-order", "GET /v1/orders/{order_id}", "orders.v2.Orders/GetOrder", "shadow", null, 233, { different: 0.0042, guard: true }],
  ["list-orders", "GET /v1/customers/{customer_id}/orders", "orders.v2.Orders/ListOrders", "shadow", null, 58, { different: 0.21, slow: 2.2 }],
  ["place-order", "POST /v1/orders", "orders.v2.Orders/PlaceOrder", "legacy", null, 21, { errors: 0.006 }],
  ["cancel-order", "POST /v1/orders/{order_id}:cancel", "orders.v2.Orders/CancelOrder", "legacy", null, 1.2, {}],
  ["get-product", "GET /v1/products/{product_id}", "catalog.v1.Catalog/GetProduct", "grpc", null, 640, { shadowLegacy: true }],
  ["search-products", "GET /v1/products:search", "catalog.v1.Catalog/SearchProducts", "canary", "5%", 178, { guard: true, slow: 1.4, errors: 0.002 }],
  ["list-categories", "GET /v1/categories", "catalog.v1.Catalog/ListCategories", "grpc", null, 87, {}],
  ["get-price", "GET /v1/prices/{sku}", "pricing.v1.Pricing/GetPrice", "grpc", null, 512, { noLegacy: true }],
  ["watch-prices", "GET /v1/prices:watch", "pricing.v1.Pricing/WatchPrices", "grpc", null, 3, { noLegacy: true }],
  ["get-invoice", "GET /v1/invoices/{invoice_id}", "billing.v1.Billing/GetInvoice", "shadow", null, 12, { held: true, ramp: true, guard: true, different: 0.002 }],
  ["health-report", "GET /v1/reports/health", "ops.v1.Reports/Health", "shadow", null, 0, {}],
];

const LEGACY_BODY = `{
  "user_id": "7",
  "name": "Ada Lovelace",
  "email": "ada@lovelace.example",
  "created_at": 1714564800,
  "status": 1,
  "tags": [
    "early",
    "beta",
    "vip"
  ],
  "address": {
    "street": "12 St James's Square",
    "city": "London",
    "postcode": "SW1Y 4LB",
    "country": "GB"
  },
  "balance": 120.5,
  "manager": null,
  "updated_at": "2026-11-27T08:14:02Z"
}`;
const GRPC_BODY = `{
  "userId": "7",
  "name": "Ada Lovelace",
  "email": "ada@lovelace.example",
  "createdAt": "1714564800",
  "status": "ACTIVE",
  "tags": [
    "beta",
    "early",
    "vip"
  ],
  "address": {
    "street": "12 St. James's Square",
    "city": "London",
    "postcode": "SW1Y 4LB"
  },
  "balance": 120.5,
  "updatedAt": "2026-11-27T08:14:02.000Z",
  "revision": 3
}`;
const DIFFERENCES = [
  { pointer: "/created_at", kind: "representation", legacy: "1714564800", grpc: "\"1714564800\"", option: "json.int64: number", n: 0.52 },
  { pointer: "/status", kind: "representation", legacy: "1", grpc: "\"ACTIVE\"", option: "json.enums: number", n: 0.5 },
  { pointer: "/updated_at", kind: "value", legacy: "\"2026-11-27T08:14:02Z\"", grpc: "\"2026-11-27T08:14:02.000Z\"", option: null, unstable: true, n: 0.31 },
  { pointer: "/address/country", kind: "missing", legacy: "\"GB\"", grpc: null, option: null, n: 0.08 },
  { pointer: "/tags", kind: "order", legacy: "[\"early\",\"beta\",\"vip\"]", grpc: "[\"beta\",\"early\",\"vip\"]", option: "compare.unordered: [/tags]", n: 0.06 },
  { pointer: "/manager", kind: "default", legacy: "null", grpc: null, option: "json.emit: nulls", n: 0.05 },
  { pointer: "/address/street", kind: "value", legacy: "\"12 St James's Square\"", grpc: "\"12 St. James's Square\"", option: null, n: 0.01 },
  { pointer: "/revision", kind: "extra", legacy: null, grpc: "3", option: null, n: 0.01 },
  { pointer: "status", kind: "value", legacy: "200", grpc: "201", option: null, n: 0.004 },
];

const iso = (at) => new Date(at).toISOString();
const wilson = (equal, all) => {
  if (!all) return null;
  const z = 1.96, p = equal / all;
  return (p + z * z / (2 * all) - z * Math.sqrt((p * (1 - p) + z * z / (4 * all)) / all)) / (1 + z * z / all);
};

class World {
  // rows: as ROUTES
  constructor(rows = ROUTES, seed = 7) {
    this.random = random(seed);
    this.now = Date.now();
    this.routes = rows.map(([name, match, rpc, stage, share, rate, options], i) => ({
      name, match, rpc, stage, share, rate, options, upstream: rpc.split(".")[0],
      since: this.now - (i * 37 % 19 + 1) * 1700000, phase: i, journal: [],
      legacy: { requests: 0, errors: 0 }, grpc: { requests: 0, errors: 0 },
      parity: { equal: 0, different: 0, failed: 0, dropped: 0 }, cleared: false,
    }));
    this.advance(3600);
    const held = this.routes.find((route) => route.options.held);
    if (held) {
      this.move(held, "canary", "10%", "ramp", "parity at least 99.93% over 1204 comparisons in 10m at 5%", this.now - 900000);
      this.move(held, "shadow", null, "guard", "errors 12.0% of 310 against 0.1% of 2790 in 30s, at most 1%", this.now - 840000);
    }
    const ramped = this.routes.find((route) => route.options.ramp && !route.options.held);
    if (ramped) {
      this.move(ramped, "canary", "5%", "operator", "first real traffic", this.now - 5400000, "shadow", null);
      this.move(ramped, "canary", "25%", "ramp", "parity at least 99.94% over 4211 comparisons in 10m at 5%", this.now - 252000, "canary", "5%");
    }
  }

  move(route, stage, share, who, why, at = Date.now(), fromStage = route.stage, fromShare = route.share) {
    const from = { stage: fromStage, share: fromShare };
    Object.assign(route, { stage, share, since: at });
    route.journal.unshift({ at: iso(at), from, to: { stage, share }, who, why });
    return from;
  }

  advance(seconds) {
    this.now += seconds * 1000;
    for (const route of this.routes) {
      const wave = 1 + 0.18 * Math.sin(this.now / 23000 + route.phase) + 0.12 * (this.random() - 0.5);
      const n = route.rate * wave * seconds, onGrpc = { legacy: 0, shadow: 0, canary: parseFloat(route.share) / 100, grpc: 1 }[route.stage];
      const errors = route.options.errors || 0.0004;
      for (const [side, part] of [["grpc", onGrpc], ["legacy", 1 - onGrpc]]) {
        const s = route[side];
        s.requests += n * part;
        s.errors += n * part * errors * (side === "grpc" ? 1.2 : 1) * (0.5 + this.random());
        s.p50 = (side === "grpc" ? 2.1 : 6.4) * (route.options.slow || 1) * (0.94 + 0.12 * this.random()) * (1 + route.phase % 3);
        s.p99 = s.p50 * (3.2 + this.random() * 0.8);
      }
      if (route.stage === "legacy" || route.options.noLegacy || route.stage === "grpc" && !route.options.shadowLegacy) continue;
      if (route.stage === "shadow" && /^(POST|DELETE)/.test(route.match) && !route.options.different) continue;
      const different = route.options.different ?? 0.0002;
      route.parity.equal += n * (1 - different) * 0.25;
      route.parity.different += n * different * 0.25;
      route.parity.failed += n * 0.0006;
      route.parity.dropped += n * 0.0009;
    }
  }

  figures(side) {
    const any = side.requests >= 1;
    return { requests: Math.floor(side.requests), errors: Math.floor(side.errors), p50_ms: any ? +side.p50.toFixed(3) : null, p99_ms: any ? +side.p99.toFixed(3) : null };
  }

  listed(route) {
    const legacy = this.figures(route.legacy), grpc = this.figures(route.grpc);
    const p = Object.fromEntries(Object.entries(route.parity).map(([key, n]) => [key, Math.floor(n)]));
    const compared = p.equal + p.different, there = !route.options.noLegacy;
    return { name: route.name, match: route.match, ...(route.options.also ? { also: route.options.also } : {}), rpc: route.rpc, upstream: route.upstream,
      stage: route.stage, share: route.stage === "canary" ? route.share : null, legacy: there ? "monolith" : null, group: route.options.group || null,
      since: there ? iso(route.since) : null, requests: legacy.requests + grpc.requests, errors: legacy.errors + grpc.errors, p50_ms: grpc.p50_ms, p99_ms: grpc.p99_ms,
      sides: there ? { legacy, grpc } : null, parity: there ? { ...p, ratio: compared ? p.equal / compared : null, low: wilson(p.equal, compared) } : null, fallbacks: 0 };
  }

  detail(route) {
    const listed = this.listed(route), o = route.options, step = ["1%", "5%", "25%", "50%", "100%"].indexOf(route.share);
    return { ...listed, rules: [route.match, ...(o.also || [])].map((match) => ({ match, body: /^(POST|PATCH)/.test(match) ? "*" : "", response_body: "", implicit: false })),
      configured: { stage: "shadow", share: null }, shadow: { sample: "25%", in_flight: 64, body: 1048576, timeout_ms: 2000, unsafe: /create/.test(route.name), legacy: Boolean(o.shadowLegacy), running: 2 },
      guard: o.guard ? { window_ms: 30000, requests: 50, errors: "1%", parity: "99.9%", p99_ratio: 1.5, back_to: "shadow", seen: { window_ms: 30000,
        legacy: { requests: 9310, errors: 4, p99_ms: route.legacy.p99 }, grpc: { requests: 3088, errors: 3, p99_ms: route.grpc.p99 }, compared: 771, equal: 771 } } : null,
      ramp: o.ramp ? { steps: ["1%", "5%", "25%", "50%", "100%"], hold_ms: 600000, min_compared: 1000, min_parity: "99.9%", step: step < 0 ? null : step, held: Boolean(o.held),
        hold_left_ms: Math.max(0, 600000 - (this.now - route.since)), compared: 2841, equal: 2841, low: wilson(2841, 2841) } : null,
      journal: [...route.journal, { at: iso(this.now - 86400000), from: { stage: "shadow", share: null }, to: { stage: "shadow", share: null }, who: "configuration", why: "" }],
      coverage: o.noLegacy ? null : { fields: { seen: 9, total: 11, missing: ["/manager/user_id", "/address/region"] },
        enums: [{ field: "/status", seen: ["ACTIVE", "INVITED"], missing: ["SUSPENDED"] }], statuses: { 200: 8120, 404: 311 } } };
  }

  kinds(route) {
    return DIFFERENCES.slice(0, route.options.different > 0.01 ? 9 : 3);
  }

  diffs(route) {
    if (route.cleared || route.parity.different < 1) return [];
    return this.kinds(route).map((d) => ({ pointer: d.pointer, pattern: d.pointer, kind: d.kind,
      count: Math.max(1, Math.floor(route.parity.different * d.n)), legacy: d.legacy, grpc: d.grpc, first: iso(this.now - 3600000), last: iso(this.now - 4000 / d.n),
      option: d.option, unstable: Boolean(d.unstable) }));
  }

  pairs(route) {
    if (route.cleared || route.parity.different < 1) return [];
    return [0, 1, 2].map((i) => ({ at: iso(Math.floor(this.now / 20000) * 20000 - i * 7300), request: route.match.replace(/\{[^}]*\}/g, () => String(7 + i)),
      legacy: { status: 200, body: LEGACY_BODY }, grpc: { status: i === 2 ? 201 : 200, body: GRPC_BODY },
      differences: this.kinds(route).slice(0, i === 2 ? 9 : 8).filter((d) => i < 2 || d.kind !== "order").map(({ pointer, kind }) => ({ pointer, kind })) }));
  }
}

const SUGGESTION = { options: [{ option: "json.int64: number", count: 812, pointers: ["/created_at"] }, { option: "json.enums: number", count: 790, pointers: ["/status"] }],
  ignore: ["/updated_at"], yaml: "routes:\n  - name: create-user\n    json:\n      int64: number\n      enums: number\n    compare:\n      ignore: [/updated_at]\n" };

// As many routes as asked for.
const many = (n) => Array.from({ length: n }, (_, i) => {
  const [name, match, rpc, stage, share, rate, options] = ROUTES[i % ROUTES.length];
  return [`${name}-${i}`, match.replace("/v1/", `/v${i}/`), rpc, stage, share, rate, { ...options, group: undefined }];
});

module.exports = { World, ROUTES, SUGGESTION, many };
