// history: counters that only grow -> what happened between two polls, for the last minutes.
// Kept in the page only.  A counter that shrank belongs to a gateway that was started anew: all it
// shows has happened since.  A poll that failed leaves a gap, never a false rate.
"use strict";

const HISTORY_LENGTH = 90;  // polls: 3 minutes
const HISTORY_RECENT = 5;   // polls that a rate is the mean of
const HISTORY_SMOOTH = 5;   // polls that a drawn share of errors is taken over
const HISTORY_WINDOW = 15;  // polls that a shown share of errors is taken over
const SIDES = ["legacy", "grpc"];
const SIDE_NAMES = { legacy: "legacy", grpc: "gRPC" };

class Series {
  constructor() {
    this.values = new Float32Array(HISTORY_LENGTH).fill(NaN);
  }

  push(value) {
    this.values.copyWithin(0, 1);
    this.values[HISTORY_LENGTH - 1] = known(value) ? value : NaN;
  }

  // Of the last `n`, what is known.
  recent(n) {
    return Array.from(this.values.subarray(HISTORY_LENGTH - n)).filter((v) => !Number.isNaN(v));
  }

  total(n) {
    return this.recent(n).reduce((a, b) => a + b, 0);
  }

  max() {
    let most = 0;
    for (const v of this.values) if (v > most) most = v;
    return most;
  }
}

class SideHistory {
  constructor() {
    this.last = null;
    this.requests = new Series();
    this.failures = new Series();
    this.rate = new Series();
    this.errors = new Series();
    this.p50 = new Series();
    this.p99 = new Series();
  }

  add(figures, seconds) {
    const last = this.last;
    const grown = (now, before) => now >= before ? now - before : now;
    let requests = NaN, failures = NaN;
    if (figures && last && seconds > 0) {
      requests = grown(figures.requests, last.requests);
      failures = Math.min(requests, figures.requests < last.requests
        ? figures.errors : grown(figures.errors, last.errors));
    }
    this.last = figures;
    this.requests.push(requests);
    this.failures.push(failures);
    this.rate.push(requests / seconds);
    this.errorsPush();
    this.p50.push(figures ? figures.p50_ms : NaN);
    this.p99.push(figures ? figures.p99_ms : NaN);
  }

  // Of a few polls together: one error among the three requests of two seconds is no share of a third.
  errorsPush() {
    const requests = this.requests.total(HISTORY_SMOOTH);
    const isKnown = !Number.isNaN(this.requests.values[HISTORY_LENGTH - 1]);
    this.errors.push(isKnown && requests > 0 ? this.failures.total(HISTORY_SMOOTH) / requests : NaN);
  }

  rateNow() {
    const recent = this.rate.recent(HISTORY_RECENT);
    return recent.length ? recent.reduce((a, b) => a + b) / recent.length : NaN;
  }

  // The share of errors lately; NaN without a request.
  errorsNow() {
    const requests = this.requests.total(HISTORY_WINDOW);
    return requests > 0 ? this.failures.total(HISTORY_WINDOW) / requests : NaN;
  }
}

class RouteHistory {
  constructor() {
    this.legacy = new SideHistory();
    this.grpc = new SideHistory();
  }
}

const clean = (side) => side && {
  requests: Number(side.requests) || 0,
  errors: Number(side.errors) || 0,
  p50_ms: side.p50_ms,
  p99_ms: side.p99_ms,
};

class Histories {
  constructor() {
    this.routes = new Map();
    this.total = new RouteHistory();
    this.at = NaN;
  }

  // at: milliseconds on any clock that only goes on.
  add(routes, at) {
    const seconds = (at - this.at) / 1000;
    this.at = at;
    const seen = new Map();
    const total = { legacy: { requests: 0, errors: 0 }, grpc: { requests: 0, errors: 0 } };
    for (const route of routes) {
      const history = this.routes.get(route.name) || new RouteHistory();
      // Without a legacy side all of it is the gRPC side's.
      const sides = route.sides || { legacy: null, grpc: route };
      for (const side of SIDES) {
        const figures = clean(sides[side]);
        history[side].add(figures, seconds);
        const grown = figures ? history[side].requests.values[HISTORY_LENGTH - 1] : NaN;
        if (!Number.isNaN(grown)) {
          total[side].requests += grown;
          total[side].errors += history[side].failures.values[HISTORY_LENGTH - 1];
        }
      }
      seen.set(route.name, history);
    }
    this.routes = seen;
    for (const side of SIDES) {
      const t = this.total[side], known = seconds > 0;
      t.requests.push(known ? total[side].requests : NaN);
      t.failures.push(known ? total[side].errors : NaN);
      t.rate.push(known ? total[side].requests / seconds : NaN);
      t.errorsPush();
    }
  }

  // The gateway did not answer: what comes next is not measured against what was before.
  gap() {
    this.at = NaN;
    for (const history of [this.total, ...this.routes.values()])
      for (const side of SIDES) {
        const s = history[side];
        for (const series of [s.requests, s.failures, s.rate, s.errors, s.p50, s.p99]) series.push(NaN);
      }
  }

  of(name) {
    return this.routes.get(name) || new RouteHistory();
  }
}
