// real: the page on the gateway itself, between a legacy REST service and a gRPC service that differ.
// Environment: SLUICE_REAL: {"admin", "open", "port", "token"}: the admin listeners of a gateway with a token
// and of one without, the clients' port of the first.
"use strict";
const { test, check, equal, waitFor, run } = require("./driver.js");
const { accessFaults, tooWide } = require("./looks.js");

const real = JSON.parse(process.env.SLUICE_REAL);
let base = real.admin;
const text = (page, selector) => page.locator(selector).first().innerText();
const rowOf = (page, name) => page.locator(".row-route", { has: page.locator(`.name:text-is("${name}")`) });
const routeOf = async (name) => (await fetch(`${base}routes/${name}`)).json();

async function traffic(count, path = "/v1/users/7") {
  for (let i = 0; i < count; i++) {
    const answer = await fetch(`http://127.0.0.1:${real.port}${path}`);
    await answer.text();
    check(answer.status === 200, `${path}: ${answer.status}`);
  }
}

async function show(page, hash = "") {
  await page.goto(base + hash);
  await page.waitForFunction(() => app.routes !== null && !app.running);
}

async function move(page, stage, share) {
  await page.getByRole("button", { name: "Move…" }).click();
  await page.locator(`dialog input[value=${stage}]`).check();
  if (share) await page.fill("#move-share", share);
  await page.click("dialog .primary");
}

test("the gateway's routes and their traffic", { still: true }, async (page) => {
  const answer = await page.goto(base);
  equal([answer.headers()["content-type"], answer.headers()["x-content-type-options"], answer.headers()["cache-control"]],
    ["text/html; charset=utf-8", "nosniff", "no-store"]);
  await page.locator(".row-route").first().waitFor();
  const listed = await (await fetch(base + "routes")).json();
  equal(await page.locator(".row-route .name").allInnerTexts(), listed.map((route) => route.name));
  equal(await rowOf(page, "get-user").locator(".track-label").innerText(), "shadow");
  await traffic(40);
  const rate = rowOf(page, "get-user").locator(".c-rate .figure.legacy b");
  await waitFor(async () => parseFloat(await rate.innerText()) > 0, "legacy's rate is seen");
  check(/^\d/.test(await rowOf(page, "get-user").locator(".c-time .figure.legacy b").innerText()), "and its latency");
});

test("differences that the comparison found, both answers marked", { still: true }, async (page) => {
  await traffic(10);
  await waitFor(async () => (await routeOf("get-user")).parity.different >= 10, "comparisons are done");
  await show(page);
  await rowOf(page, "get-user").locator(".parity").click();
  const row = page.locator(".row-diff", { has: page.locator(".pointer:text-is(\"/created_at\")") });
  await row.waitFor();
  equal([await row.locator(".kind").innerText(), await row.locator(".d-fix code").innerText()], ["representation", "json.int64: number"]);
  await page.locator(".answer.legacy .line-row.differs").first().waitFor();
  for (const [side, line] of [["legacy", /"created_at": \d+/], ["grpc", /"createdAt": "\d+"/]])
    check(line.test((await page.locator(`.answer.${side} .line-row.differs code`).allInnerTexts()).join("\n")), side + "'s line is marked");
  await page.getByRole("button", { name: "Suggest options" }).click();
  await waitFor(async () => (await text(page, ".suggest")).includes("int64: number"), "the YAML");
  const coverage = page.locator(".panel", { has: page.locator("h3:text-is(\"Coverage\")") });
  equal(await coverage.locator(".panel-aside").innerText(), "4 of 4 fields");
  equal(await page.evaluate(accessFaults), []);
  await page.setViewportSize({ width: 375, height: 812 });
  equal(await page.evaluate(tooWide), []);
});

test("by keyboard, a token refused and then taken, the route moves", { still: true, allow: /status of 401/ }, async (page) => {
  const press = (key) => page.keyboard.press(key);
  const reach = async (condition) => {
    for (let i = 0; i < 60; i++) {
      await press("Tab");
      if (await page.evaluate(condition)) return;
    }
    throw new Error("not reached by Tab: " + condition);
  };
  await show(page);
  await reach("document.activeElement.className === 'name' && document.activeElement.textContent === 'get-user'");
  await press("Enter");
  await page.waitForFunction(() => document.activeElement.tagName === "H1");
  await reach("document.activeElement.textContent === 'Move…'");
  await press("Enter");
  await page.locator("dialog[open]").waitFor();
  await reach("document.activeElement.id === 'move-share'");
  await press("Control+a");
  await page.keyboard.type("12.5");
  await reach("document.activeElement.id === 'move-why'");
  await page.keyboard.type("the <b>first</b> step");
  await press("Enter");
  await page.waitForFunction(() => document.activeElement.id === "move-token");
  await page.keyboard.type("wrong");
  await press("Enter");
  await waitFor(async () => await text(page, "dialog .fault") === "The gateway refused this token.", "refused");
  equal((await routeOf("get-user")).stage, "shadow");
  await page.keyboard.type(real.token);
  await press("Enter");
  await page.locator("dialog").waitFor({ state: "detached" });
  const moved = await routeOf("get-user");
  equal([moved.stage, moved.share, moved.journal[0].why], ["canary", "12.5%", "the <b>first</b> step"]);
  await waitFor(async () => (await text(page, ".journal li")).includes("the <b>first</b> step"), "the journal shows it, as text");
  equal(await text(page, ".wide-step[aria-current]"), "3\ncanary 12.5%");
  await traffic(60);
  const panel = (title) => page.locator(".panel", { has: page.locator(`h3:text-is("${title}")`) });
  equal(await panel("Guard").locator(".panel-aside").innerText(), "watching");
  await waitFor(async () => /[1-9]/.test(await panel("Guard").locator(".gauge-value").first().innerText()), "the guard's window fills");
  equal(await panel("Ramp").locator(".panel-aside").innerText(), "running");
  check(/(min|s) left$/.test(await panel("Ramp").locator(".gauge-value").first().innerText()), "the hold counts down");
});

test("what is moved elsewhere is told, and what the gateway refuses is said", { still: true, allow: /status of 40\d/ }, async (page) => {
  await show(page, "#/route/list-users");
  const put = (body) => fetch(base + "routes/list-users/stage", { method: "PUT", headers: { Authorization: "Bearer " + real.token }, body: JSON.stringify(body) });
  equal((await put({ stage: "legacy" })).status, 200);
  await page.locator(".toast", { hasText: "list-users is now at legacy" }).waitFor();
  await page.evaluate((token) => { api.token = token; }, real.token);
  await page.route("**/stage", (route) => route.continue({ postData: JSON.stringify({ stage: "nowhere" }) }));
  await move(page, "shadow");
  await waitFor(async () => (await text(page, "dialog .fault")).length > 5, "an error");
  equal((await routeOf("list-users")).stage, "legacy");
  check(!/^[{<]/.test(await text(page, "dialog .fault")), "in words: " + await text(page, "dialog .fault"));
});

test("differences are cleared with the token", { still: true }, async (page) => {
  await show(page, "#/route/get-user");
  await page.evaluate((token) => { api.token = token; }, real.token);
  await page.locator(".row-diff").first().waitFor();
  await page.getByRole("button", { name: "Clear…" }).click();
  await page.getByRole("button", { name: "Clear", exact: true }).click();
  await page.locator(".toast", { hasText: "Differences cleared." }).waitFor();
  await waitFor(async () => await page.locator(".row-diff").count() === 0, "the list is empty");
});

test("without a token file the page may move, another page may not", { still: true }, async (page) => {
  base = real.open;
  await show(page, "#/route/get-user");
  await move(page, "canary", "50");
  await page.locator("dialog").waitFor({ state: "detached" });
  equal((await routeOf("get-user")).share, "50%");
  const foreign = await fetch(base + "routes/get-user/stage", { method: "PUT", headers: { Origin: "http://evil.example" }, body: "{\"stage\":\"grpc\"}" });
  equal([foreign.status, (await routeOf("get-user")).stage], [403, "canary"]);
});

run(() => base, async () => { base = real.admin; }).then((code) => process.exit(code));
