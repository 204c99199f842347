// mocked: the page against answers that the test chooses: states, changes, hostile texts, many routes.
// Environment: SLUICE_PAGE: the address of a real admin listener, whose page is served here.
"use strict";
const { test, check, equal, waitFor, run } = require("./driver.js");
const { lowContrast, accessFaults, tooWide } = require("./looks.js");
const { World, many } = require("./figures.js");
const { Mock, pageOf } = require("./mock.js");

let mock;
const PHONE = { width: 375, height: 812 };
const text = (page, selector) => page.locator(selector).first().innerText();
const rowOf = (page, name) => page.locator(".row-route", { has: page.locator(`.name:text-is("${name}")`) });

// The page polls every two seconds of its own clock.
async function polls(page, count = 1) {
  for (let i = 0; i < count; i++) {
    const answered = page.waitForResponse((r) => r.url() === mock.url + "routes");
    await page.clock.runFor(2050);
    await answered;
    await page.waitForFunction(() => !app.running);
  }
}

async function show(page, hash = "") {
  await page.goto(mock.url + hash);
  await page.waitForFunction(() => app.routes !== null && !app.running);
}

// ---- the list ----

test("every route is shown with match, stage and parity", async (page) => {
  await show(page);
  equal(await page.locator(".row-route .name").allInnerTexts(), mock.world.routes.map((r) => r.name));
  const row = rowOf(page, "get-user");
  equal(await row.locator(".match").innerText(), "GET/v1/users/{user_id}");
  equal(await row.locator(".track-label").innerText(), "canary 25%");
  equal(await row.locator(".track").getAttribute("aria-label"), "Stage canary 25%, step 3 of 4");
  check(/^99\.9\d% ≥ 99\.9\d%$/.test(await row.locator(".parity > span").innerText()), "parity and its lower bound");
  equal(await rowOf(page, "get-price").locator(".none").innerText(), "no legacy side");
  check(await rowOf(page, "get-price").locator(".move-button").isHidden(), "without a legacy side nothing moves");
  equal(await text(page, ".summary .big"), "16");
});

// Counters that the test sets, at the speed of the page's clock.
function counted(values) {
  const route = mock.world.listed(mock.world.routes[0]);
  let poll = 0;
  mock.override["/routes"] = () => {
    const value = values[Math.min(poll++, values.length - 1)];
    if (value === null) return { status: 503, body: { error: "not now" } };
    const side = ([requests, errors]) => ({ requests, errors, p50_ms: 1.5, p99_ms: 12 });
    return { body: [{ ...route, sides: { legacy: side(value), grpc: side([0, 0]) } }] };
  };
}
const rateValues = (page) => page.evaluate(() => Array.from(app.histories.of("get-user").legacy.rate.values, (v) => Number.isNaN(v) ? null : Math.round(v)).slice(-8));

test("rates are differences of counters", async (page) => {
  counted([[1000, 0], [1200, 2], [1400, 2]]);
  await show(page);
  equal((await rateValues(page)).at(-1), null, "nothing is known after one poll");
  await polls(page, 2);
  const [a, b] = (await rateValues(page)).slice(-2);
  check(a > 80 && a <= 100 && b > 80 && b <= 100, `about 97/s: ${a}, ${b}`);
  equal(await rowOf(page, "get-user").locator(".c-errors .figure.legacy b").innerText(), "0.50%");
  equal(await rowOf(page, "get-user").locator(".c-time .figure.legacy b").innerText(), "1.5 / 12");
  check((await rowOf(page, "get-user").locator(".c-rate path.legacy").getAttribute("d")).includes("L"), "a line is drawn");
});

test("a gateway that was started anew gives no false rate", async (page) => {
  counted([[1000000, 900], [1000200, 900], [50, 1], [250, 1]]);
  await show(page);
  await polls(page, 3);
  const rates = (await rateValues(page)).slice(-3);
  check(rates.every((r) => r >= 0 && r <= 105) && rates[1] <= 26, "no leap: " + rates);
});

test("a failed poll is a gap in the lines", { allow: /status of 503/ }, async (page) => {
  counted([[1000, 0], [1200, 0], null, [9000, 0], [9200, 0]]);
  await show(page);
  await polls(page, 4);
  const rates = (await rateValues(page)).slice(-4);
  equal([rates[0] > 80, rates[1], rates[2], rates[3] > 80], [true, null, null, true], "rates " + rates);
});

test("filter, stages and order", async (page) => {
  await show(page);
  const names = () => page.locator(".row-route .name").allTextContents();
  await page.keyboard.press("/");
  await page.keyboard.type("user get");
  equal(await names(), ["get-user", "list-users", "create-user", "update-user", "delete-user"].slice(0, 1)
    .concat(mock.world.routes.filter((r) => r.name !== "get-user" && /user/i.test(r.match + r.rpc + r.name) && /get/i.test(r.match + r.rpc + r.name)).map((r) => r.name)));
  await page.fill("#filter", "");
  await page.getByRole("button", { name: /^shadow/ }).click();
  equal(await names(), mock.world.routes.filter((r) => r.stage === "shadow").map((r) => r.name));
  await page.getByRole("button", { name: /^All/ }).click();
  await page.selectOption("#sort", "name");
  equal(await names(), mock.world.routes.map((r) => r.name).sort());
  await page.selectOption("#sort", "parity");
  equal((await names())[0], "list-orders");
  await page.fill("#filter", "no such thing");
  equal(await text(page, ".empty p"), "No route matches the filter.");
  await page.getByRole("button", { name: "Clear the filter" }).click();
  equal((await names()).length, 16);
});

test("without routes it says so", async (page) => {
  mock.override["/routes"] = { body: [] };
  await show(page);
  equal(await text(page, ".empty"), "The configuration has no routes.");
});

test("until the first answer it loads", async (page) => {
  await page.route("**/routes", () => {}); // never answered
  await page.goto(mock.url);
  equal(await page.locator("[aria-busy=true]").count(), 1);
  equal(await text(page, "#link-text"), "connecting");
});

test("a gateway that is away: banner, last figures, coming back", { allow: /ERR_|Failed to load/ }, async (page) => {
  await show(page);
  await polls(page, 2);
  const port = mock.port;
  await mock.stop();
  await page.clock.runFor(2050);
  await page.locator("#away").waitFor({ state: "visible" });
  check((await text(page, "#away-text")).startsWith("The gateway does not answer. What is shown is"), "the banner");
  equal(await page.locator(".row-route").count(), 16, "what was known stays");
  equal(await text(page, "#link-text"), "away");
  await mock.revive(port);
  await page.getByRole("button", { name: "Retry now" }).click();
  await page.locator("#away").waitFor({ state: "hidden" });
  equal(await text(page, "#link-text"), "live");
  check((await page.locator("#live").textContent()).includes("The gateway answers again."), "it is announced");
});

test("answers that are none: an error, a page, no list", { allow: /status of 500/ }, async (page) => {
  mock.override["/routes"] = { status: 500, body: "no memory\n" };
  await page.goto(mock.url);
  await waitFor(async () => (await text(page, "#away-text")).startsWith("no memory"), "the error's own words");
  for (const [body, words] of [["<html>", "The answer is not JSON."], [{ a: 1 }, "The list of routes is not a list."]]) {
    mock.override["/routes"] = { body };
    await page.click("#retry");
    await waitFor(async () => (await text(page, "#away-text")).startsWith(words), words);
  }
  mock.override = {};
  await page.click("#retry");
  await page.locator(".row-route").first().waitFor();
});

test("paused, it asks nothing", async (page) => {
  await show(page);
  await page.getByRole("button", { name: "Pause" }).click();
  let asked = 0;
  page.on("request", () => { asked++; });
  await page.clock.runFor(20000);
  equal(asked, 0);
  await page.getByRole("button", { name: "Resume" }).click();
  await waitFor(() => asked > 0, "it asks again");
});

// ---- one route ----

test("differences open by a click, and both answers with them marked", async (page) => {
  await show(page);
  await rowOf(page, "create-user").locator(".parity").click();
  await page.locator(".row-diff").first().waitFor();
  equal(await page.evaluate(() => location.hash), "#/route/create-user/differences");
  equal(await page.locator(".row-diff .pointer").allInnerTexts(), ["/created_at", "/status", "/updated_at", "/address/country", "/tags",
    "/manager", "/address/street", "/revision", "status"]);
  const first = page.locator(".row-diff").first();
  equal([await first.locator(".kind").innerText(), await first.locator(".legacy code").innerText(), await first.locator(".grpc code").innerText(),
    await first.locator(".d-fix code").innerText()], ["representation", "1714564800", "\"1714564800\"", "json.int64: number"]);
  check(await page.locator(".row-diff", { hasText: "/updated_at" }).locator(".unstable").isVisible(), "noise of legacy itself is named");
  equal(await page.locator(".row-diff", { hasText: "/address/country" }).locator(".d-value.grpc").last().innerText(), "absent");
  const marked = (side) => page.locator(`.answer.${side} .line-row.differs:not(.blank) code`).allInnerTexts();
  equal((await marked("legacy")).map((line) => line.trim().split(/[:"]+/)[1] || line.trim()),
    ["created_at", "status", "tags", "early", "beta", "vip", "],", "street", "country", "manager", "updated_at"]);
  equal((await marked("grpc")).map((line) => line.trim().split(/[:"]+/)[1] || line.trim()),
    ["createdAt", "status", "tags", "beta", "early", "vip", "],", "street", "updatedAt", "revision"]);
  equal(await page.locator(".answer.grpc .line-row.differs mark").allInnerTexts().then((all) => all.slice(0, 2)), ["\"1714564800\"", "\"ACTIVE\""]);
  equal(await page.locator(".answer.legacy .line-row.other code").allInnerTexts(), ["  \"user_id\": \"7\","]);
  const tops = (selector) => page.locator(selector).evaluateAll((all) => all.map((e) => Math.round(e.getBoundingClientRect().top)));
  equal(await tops(".answer.legacy .line-row"), await tops(".answer.grpc .line-row"), "lines face each other");
});

test("a pointer shows the newest pair with it", async (page) => {
  await show(page, "#/route/create-user");
  await page.getByRole("button", { name: "status", exact: true }).click();
  equal(await page.locator(".pair-tab[aria-selected=true]").count(), 1);
  equal(await page.locator(".answer.grpc .status.differs").innerText(), "201");
  await page.keyboard.press("ArrowLeft");
  equal(await page.locator(".answer.grpc .status").innerText(), "200");
});

test("pairs that are cut, empty or no JSON are shown as they are", async (page) => {
  const pair = (legacy, grpc, differences) => ({ at: "2026-11-27T08:00:00.000Z", request: "GET /x", legacy: { status: 200, body: legacy }, grpc: { status: 200, body: grpc }, differences });
  const rows = [
    ["{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x", "", [{ pointer: "/a/1/b", kind: "missing" }], 1],
    ["plain text\nof two lines", "plain text\nof 2 lines", [{ pointer: "", kind: "value" }], 2],
    ["{\n  \"a~b/c\": 1,\n  \"\": {\n    \"\\u0041\": 2\n  }\n}", "{\n  \"a~b/c\": 3,\n  \"\": {\n    \"A\": 4\n  }\n}",
      [{ pointer: "/a~0b~1c", kind: "value" }, { pointer: "//A", kind: "value" }], 2],
    ["{\n  \"m\": {\n    \"k1\": {\n      \"v\": 1\n    }\n  }\n}", "{\n  \"m\": {\n    \"k1\": {\n      \"v\": 2\n    }\n  }\n}", [{ pointer: "/m/*/v", kind: "value" }], 1],
    ["[\n  1,\n  2\n]", "[\n  1,\n  3\n]", [{ pointer: "/1", kind: "value" }], 1],
    ["{".repeat(5000), "}".repeat(5000), [], 0],
  ];
  for (const [i, [legacy, grpc, differences, marked]] of rows.entries()) {
    mock.override["/routes/create-user/pairs"] = { body: [{ ...pair(legacy, grpc, differences), at: `2026-11-27T08:00:0${i}.000Z` }] };
    await page.goto("about:blank");
    await show(page, "#/route/create-user");
    await page.locator(".answer.legacy .line-row").first().waitFor();
    equal(await page.locator(".answer.legacy .line-row.differs:not(.blank)").count(), marked, `row ${i}`);
  }
});

test("guard, ramp with its countdown, coverage and journal", async (page) => {
  await show(page, "#/route/get-user");
  const panel = (title) => page.locator(".panel", { has: page.locator(`h3:text-is("${title}")`) });
  equal(await panel("Guard").locator(".panel-aside").innerText(), "watching");
  equal(await panel("Guard").locator(".gauge-name").allInnerTexts(), ["Requests", "Errors", "Parity", "p99"]);
  equal(await panel("Ramp").locator("[aria-current=step]").innerText(), "25%");
  const left = () => panel("Ramp").locator(".gauge-value b").first().innerText();
  const before = await left();
  check(/^5 min 4\d s$|^5 min 5\d s$/.test(before), "of ten minutes 4:12 are over: " + before);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.clock.runFor(3000);
  check(await left() !== before, "it counts down between two polls");
  equal(await panel("Coverage").locator(".panel-aside").innerText(), "9 of 11 fields");
  const moves = await panel("Journal").locator("li").allInnerTexts();
  check(/canary 5% → canary 25%/.test(moves[0]) && /ramp/.test(moves[0]) && /99\.94%/.test(moves[0]), moves[0]);
  await page.getByRole("button", { name: "Resume" }).click();
  await show(page, "#/route/get-invoice");
  equal(await panel("Ramp").locator(".panel-aside").innerText(), "held");
  check((await panel("Journal").innerText()).includes("errors 12.0% of 310"), "the guard's figures");
});

test("what the guard does is told wherever one looks", async (page) => {
  await show(page);
  mock.world.move(mock.world.routes[0], "shadow", null, "guard", "errors");
  await polls(page);
  equal(await text(page, ".toast"), "get-user is now at shadow (was canary 25%).");
  check((await page.locator("#live").textContent()).includes("get-user is now at shadow"), "announced");
  equal(await rowOf(page, "get-user").locator(".track-label").innerText(), "shadow");
});

test("a part that cannot be had says so, the rest stays", { allow: /status of 500/ }, async (page) => {
  mock.override["/routes/get-user/diffs"] = { status: 500, body: { error: "no memory" } };
  await show(page, "#/route/get-user");
  equal(await text(page, "#differences .fault"), "The differences cannot be had: no memory");
  await page.locator(".pair-tab").first().waitFor();
});

test("a route that is gone, and a name that never was", async (page) => {
  await show(page, "#/route/nobody");
  equal(await text(page, ".detail .fault"), "There is no route of this name any more.");
  await page.getByRole("link", { name: "All routes", exact: false }).last().click();
  await page.locator(".row-route").first().waitFor();
});

test("options suggested, differences cleared", async (page) => {
  await show(page, "#/route/create-user");
  await page.getByRole("button", { name: "Suggest options" }).click();
  check((await text(page, ".suggest pre")).includes("ignore: [/updated_at]"), "the YAML");
  await page.getByRole("button", { name: "Clear…" }).click();
  await page.getByRole("button", { name: "Clear", exact: true }).click();
  await waitFor(() => mock.changes.length, "asked");
  equal(mock.changes[0].slice(0, 2), ["DELETE", "/routes/create-user/diffs"]);
  await polls(page);
  await page.locator(".empty-line", { hasText: "no difference kept" }).waitFor();
});

// ---- changing a stage ----

async function tabTo(page, condition, most = 60) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(condition)) return;
  }
  throw new Error("not reached by Tab: " + condition);
}

test("by keyboard alone: find, open, move, token, back", { allow: /status of 401/ }, async (page) => {
  mock.token = "s3cret";
  await show(page);
  await tabTo(page, "document.activeElement.textContent === 'get-order' && document.activeElement.className === 'name'");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.tagName === "H1");
  await tabTo(page, "document.activeElement.textContent === 'Move…'");
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
  equal(await page.evaluate(() => document.activeElement.value), "canary", "the next stage is chosen and has the focus");
  await page.keyboard.press("ArrowRight");
  equal(await text(page, "dialog .primary"), "Move to gRPC");
  check((await text(page, "dialog .doubts")).includes("This leaves out canary"), "doubts are said");
  await page.keyboard.press("ArrowLeft");
  await tabTo(page, "document.activeElement.id === 'move-share'");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("12.5");
  equal(await text(page, "dialog .preview"), "shadow\n→\ncanary 12.5%");
  check((await text(page, "dialog .meaning")).startsWith("gRPC answers 12.5% of the requests, legacy the rest."), "what will happen");
  await tabTo(page, "document.activeElement.id === 'move-why'");
  await page.keyboard.type("parity looks good");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "move-token");
  equal(await text(page, "dialog .fault"), "The gateway asks for a token.");
  equal(await page.getAttribute("#move-token", "type"), "password");
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await waitFor(async () => await text(page, "dialog .fault") === "The gateway refused this token.", "refused");
  await page.keyboard.type("s3cret");
  await page.keyboard.press("Enter");
  await page.locator("dialog").waitFor({ state: "detached" });
  equal(mock.changes, [null, "Bearer wrong", "Bearer s3cret"].map((token) =>
    ["PUT", "/routes/get-order/stage", { stage: "canary", share: "12.5%", why: "parity looks good" }, token]));
  equal(await text(page, ".toast"), "get-order: shadow → canary 12.5%");
  equal(await page.evaluate(() => document.activeElement.textContent), "Move…", "the focus is back");
  await waitFor(async () => await text(page, ".wide-step[aria-current]") === "3\ncanary 12.5%", "the track shows it");
  await page.keyboard.press("Escape");
  await page.locator(".row-route").first().waitFor();
  equal(await page.evaluate(() => document.activeElement.textContent), "get-order", "the list has the focus where it was");
  const kept = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length, document.documentElement.outerHTML.includes("s3cret")]);
  equal(kept, ["", 0, 0, false], "the token is in memory only");
});

test("Escape and Cancel change nothing", async (page) => {
  await show(page, "#/route/get-order");
  for (const leave of [() => page.keyboard.press("Escape"), () => page.getByRole("button", { name: "Cancel" }).click()]) {
    await page.getByRole("button", { name: "Move…" }).click();
    await page.locator("dialog[open]").waitFor();
    await leave();
    await page.locator("dialog").waitFor({ state: "detached" });
    check((await page.evaluate(() => location.hash)).includes("get-order"), "the route's page stays");
  }
  equal(mock.changes, []);
});

test("a step of the track opens the dialog with it, back to legacy included", async (page) => {
  await show(page, "#/route/get-user");
  await page.getByRole("button", { name: "Move to legacy" }).click();
  equal(await text(page, "dialog .primary"), "Move to legacy");
  check((await text(page, "dialog .meaning")).includes("All routes of the group “users” move together."), "the group is named");
  await page.click("dialog .primary");
  await page.locator("dialog").waitFor({ state: "detached" });
  equal(mock.changes[0][2], { stage: "legacy" });
  equal(await text(page, ".toast"), "get-user: canary 25% → legacy (2 routes of the group)");
});

test("shares that are none, and what the gateway refuses", { allow: /status of 400/ }, async (page) => {
  await show(page, "#/route/get-order");
  await page.getByRole("button", { name: "Move to canary" }).click();
  for (const bad of ["", "0", "101", "-5", "1e1", "ten", "5%%"]) {
    await page.fill("#move-share", bad);
    await page.click("dialog .primary");
    check(/^The share is/.test(await text(page, "dialog .fault")), "refused: " + bad);
  }
  equal(mock.changes, [], "nothing was asked");
  mock.override["/routes/get-order/stage"] = { status: 400, body: { error: "the route \"get-order\" has no share" } };
  await page.fill("#move-share", "33.3");
  await page.click("dialog .primary");
  await waitFor(async () => await text(page, "dialog .fault") === "the route \"get-order\" has no share", "the gateway's words");
  equal(await page.inputValue("#move-share"), "33.3", "what was typed stays");
});

test("a token given beforehand, and forgotten", async (page) => {
  mock.token = "s3cret";
  await show(page, "#/route/get-order");
  await page.getByRole("button", { name: "Token" }).click();
  await page.fill("#token-input", " s3cret ");
  await page.keyboard.press("Enter");
  equal(await text(page, "#token-button"), "Token set");
  await page.getByRole("button", { name: "Move to legacy" }).click();
  await page.click("dialog .primary");
  await page.locator("dialog").waitFor({ state: "detached" });
  equal(mock.changes[0][3], "Bearer s3cret");
  await page.click("#token-button");
  await page.getByRole("button", { name: "Forget" }).click();
  equal(await text(page, "#token-button"), "Token");
});

// ---- hostile texts ----

const HOSTILE = ["<img src=x onerror=\"window.pwned=1\">", "</script><script>window.pwned=1</script>", "javascript:window.pwned=1", "\u202e\u0000",
  "../../reload?x#y", "__proto__", "constructor", "'\"`;${window.pwned=1}", "a".repeat(4000)];

test("hostile texts stay texts, wherever they stand", async (page) => {
  const world = mock.world, at = "2026-11-27T08:00:00.000Z";
  HOSTILE.forEach((bad, i) => {
    const route = world.routes[i];
    Object.assign(route, { name: bad, match: "GET /" + bad, rpc: bad, stage: i % 3 ? route.stage : "shadow" });
    route.options = { ...route.options, group: bad, also: [bad], noLegacy: false };
    route.journal.unshift({ at: bad, from: { stage: bad, share: bad }, to: { stage: bad, share: bad }, who: bad, why: bad });
  });
  world.routes.at(-1).name = "\ud800";
  mock.override = new Proxy({}, { get: (_, path) => {
    if (typeof path !== "string" || !path.startsWith("/routes/")) return undefined;
    const bad = HOSTILE.find((b) => path.startsWith("/routes/" + b));
    if (bad === undefined) return undefined;
    if (path.endsWith("/diffs")) return { body: HOSTILE.map((b) => ({ pointer: "/" + b, pattern: "/" + b, kind: b, count: 3, legacy: b, grpc: b, first: b, last: b, option: b, unstable: true })) };
    if (path.endsWith("/pairs")) return { body: HOSTILE.map((b) => ({ at, request: b, legacy: { status: b, body: `{\n  ${JSON.stringify(b)}: ${JSON.stringify(b)}\n}` },
      grpc: { status: 200, body: b }, differences: [{ pointer: b, kind: b }, { pointer: "/" + b, kind: b }] })) };
    if (path.endsWith("/suggest")) return { body: { yaml: HOSTILE.join("\n") } };
    const found = world.routes.find((r) => r.name === bad), detail = world.detail(found);
    return { body: { ...detail, coverage: { fields: { seen: 1, total: 3, missing: HOSTILE }, enums: [{ field: bad, seen: HOSTILE, missing: HOSTILE }], statuses: Object.fromEntries(HOSTILE.map((b) => [b, 1])) },
      guard: { window_ms: bad, requests: bad, errors: bad, parity: bad, p99_ratio: bad, back_to: bad, seen: bad }, ramp: { steps: HOSTILE, hold_ms: bad, min_compared: bad, min_parity: bad, step: 1, held: bad, hold_left_ms: bad, compared: bad, low: bad },
      shadow: { sample: bad, in_flight: bad, body: bad, timeout_ms: bad, unsafe: bad } } };
  } });
  await show(page);
  equal((await page.locator(".row-route .name").allTextContents()).slice(0, 3), HOSTILE.slice(0, 3));
  equal(await page.locator(".row-route").count(), 16);
  for (const [i, bad] of [...HOSTILE.entries()].filter(([n]) => [0, 1, 4, 5, 8].includes(n))) { // each shows all of them
    await page.locator(".row-route .name").nth(i).evaluate((link) => link.click());
    await page.waitForFunction((name) => document.querySelector("main h1")?.textContent === name, bad);
    await page.waitForFunction(() => !app.running);
    await page.locator(".row-diff .pointer").first().waitFor();
    equal(await page.locator(".row-diff .pointer").first().textContent(), "/" + HOSTILE[0]);
    await page.getByRole("button", { name: "Suggest options" }).click();
    await page.locator(".suggest pre").waitFor();
    await page.getByRole("button", { name: "Move…" }).click();
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    equal(await page.evaluate(() => [window.pwned, document.images.length, document.scripts.length, document.querySelectorAll("[onerror], [href^='javascript:']").length, {}.polluted]),
      [undefined, 0, 10, 0, undefined].map((v) => v ?? null), "nothing of it is markup");
    equal(await page.evaluate(tooWide), [], "wide texts");
    await page.evaluate(() => { location.hash = "#/"; });
    await page.locator(".row-route").first().waitFor();
  }
});

test("the policy lets no script in that the page does not hold", { allow: /Content Security Policy|TrustedHTML|TrustedScript/ }, async (page) => {
  const answer = await page.goto(mock.url);
  const policy = answer.headers()["content-security-policy"];
  for (const part of ["default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"])
    check(policy.includes(part), part);
  check(!/unsafe|http|\*/.test(policy), policy);
  equal(await page.evaluate(() => {
    const tried = [];
    try { document.body.innerHTML = "<img src=x onerror='window.pwned=1'>"; } catch (error) { tried.push(error.name); }
    const script = document.createElement("script");
    try { script.text = "window.pwned=1"; document.head.append(script); } catch (error) { tried.push(error.name); }
    return [tried, window.pwned ?? null];
  }), [["TypeError", "TypeError"], null]);
});

// ---- how it looks, for whom ----

const VIEWS = [["list", ""], ["route", "#/route/create-user"], ["grpc", "#/route/get-price"], ["held", "#/route/get-invoice"]];

for (const [name, viewport] of [["1280", { width: 1280, height: 900 }], ["768", { width: 768, height: 1000 }], ["375", PHONE], ["320", { width: 320, height: 640 }]])
  test(`nothing is too wide at ${name} pixels`, { viewport }, async (page) => {
    for (const [view, hash] of VIEWS) {
      await show(page, hash);
      await polls(page);
      equal(await page.evaluate(tooWide), [], view);
      const move = page.locator(".move-button:visible, .stage-panel .primary:visible").first();
      if (!await move.count()) continue;
      await move.click();
      await page.locator("dialog[open]").waitFor();
      equal(await page.evaluate(tooWide), [], view + ", dialog");
      const box = await page.locator("dialog").boundingBox();
      check(box.x >= 0 && box.x + box.width <= viewport.width && box.y >= 0 && box.y + box.height <= viewport.height, "the dialog is in the window");
      await page.keyboard.press("Escape");
    }
  });

test("rows hold their texts at phone width", { viewport: PHONE }, async (page) => {
  await show(page);
  await polls(page, 2);
  const cut = await page.locator(".row-route").evaluateAll((rows) => rows.slice(0, 3).flatMap((row) => [...row.querySelectorAll("b, small, .cell-label, button")]
    .filter((e) => e.checkVisibility() && (e.getBoundingClientRect().bottom > row.getBoundingClientRect().bottom - 4 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0))
    .map((e) => e.textContent)));
  equal(cut, []);
});

for (const dark of [false, true])
  test(`every text has contrast, ${dark ? "dark" : "light"}`, { dark, calm: true, allow: /status of 401/ }, async (page) => {
    let looked = 0;
    const look = async (what) => {
      const seen = await page.evaluate(lowContrast);
      looked += seen.looked;
      equal(seen.found, [], what);
    };
    for (const [view, hash] of VIEWS) {
      await show(page, hash);
      await polls(page);
      await look(view);
    }
    mock.token = "x";
    await show(page, "#/route/list-orders");
    await page.getByRole("button", { name: "Move to gRPC" }).click();
    await page.click("dialog .primary");
    await page.locator("#move-token").waitFor();
    await look("dialog");
    mock.override["/routes"] = { body: "?" };
    await page.keyboard.press("Escape");
    await page.clock.runFor(2050);
    await page.locator("#away").waitFor({ state: "visible" });
    await look("away");
    check(looked > 900, "texts were looked at: " + looked);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    equal(background, dark ? "rgb(13, 16, 20)" : "rgb(244, 246, 248)", "the scheme is followed");
  });

test("names, roles and labels", async (page) => {
  for (const [view, hash] of VIEWS) {
    await show(page, hash);
    await polls(page);
    equal(await page.evaluate(accessFaults), [], view);
  }
  await show(page, "#/route/create-user");
  await page.getByRole("button", { name: "Move…" }).click();
  equal(await page.evaluate(accessFaults), [], "dialog");
  equal(await page.getByRole("dialog", { name: "Move create-user" }).count(), 1);
});

test("the focus is seen at every stop", async (page) => {
  for (const hash of ["", "#/route/create-user"]) {
    await show(page, hash);
    for (let i = 0; i < 45; i++) {
      await page.keyboard.press("Tab");
      const stop = await page.evaluate(() => {
        const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
        return [e === document.body || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, e.textContent.slice(0, 30), box.width > 0 || e === document.body];
      });
      check(stop[0] && stop[2], "seen: " + stop[1]);
    }
  }
});

test("nothing moves for who asks for calm", { calm: true }, async (page) => {
  await page.goto(mock.url);
  await show(page);
  equal(await page.evaluate(() => document.getAnimations().length), 0);
});

test("a thousand routes: rows are filled where they are seen", { still: true }, async (page) => {
  mock.reset(new World(many(1000)));
  await page.goto(mock.url);
  await page.waitForFunction(() => app.routes !== null && !app.running);
  equal(await page.locator(".row-route").count(), 1000);
  const filled = () => page.evaluate(() => [...document.querySelectorAll(".row-route")].filter((row) => row.cells).length);
  check(await filled() < 40, "filled: " + await filled());
  const cost = await page.evaluate(() => {
    const begun = performance.now();
    for (let i = 0; i < 20; i++) { app.histories.add(app.routes, performance.now()); app.show(); }
    return (performance.now() - begun) / 20;
  });
  console.log(`     a poll of 1,000 routes: ${cost.toFixed(1)} ms in the page`);
  await page.locator(".row-route .name").last().focus();
  await page.waitForFunction(() => [...document.querySelectorAll(".row-route")].at(-1).cells);
  check(await filled() < 120, "still few: " + await filled());
  equal(await page.locator(".row-route").last().locator(".track-label").count(), 1);
  await page.fill("#filter", "get-user-992");
  equal(await page.locator(".row-route .name").allInnerTexts(), ["get-user-992"]);
});

// ---- run ----

async function main() {
  mock = await new Mock(await pageOf(process.env.SLUICE_PAGE)).listen();
  const code = await run(() => mock.url, async () => {
    if (!mock.server.listening) await mock.revive(0);
    mock.reset();
  });
  await mock.stop();
  process.exit(code);
}

main().catch((error) => { console.error(error); process.exit(1); });
