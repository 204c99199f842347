// driver: runs tests of the dashboard, each in a fresh page of Debian's Chromium.
// A page that logs an error, throws, breaks its policy or asks another host fails its test.
"use strict";
const { execFileSync } = require("child_process");
const path = require("path");
const { chromium } = require(path.join(process.env.SLUICE_NODE_MODULES, "playwright-core"));

const tests = [];
// options: { viewport, dark, allow (of console errors), still (no clock of the test's own) }
const test = (name, options, body) => tests.push({ name, ...(body ? { options, body } : { options: {}, body: options }) });

function check(value, what) {
  if (!value) throw new Error("not so: " + what);
}

function equal(got, wanted, what) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what || "value"}: ${a}\n  instead of ${b}`);
}

async function waitFor(condition, what, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

function chromiumPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  return execFileSync("sh", ["-c", "command -v chromium"]).toString().trim();
}

async function launch() {
  return chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
}

// The page, and what must not have happened in it.
async function open(browser, options, origin) {
  const context = await browser.newContext({ viewport: options.viewport || { width: 1280, height: 900 },
    colorScheme: options.dark ? "dark" : "light", reducedMotion: options.calm ? "reduce" : "no-preference" });
  const page = await context.newPage();
  const faults = [];
  const allowed = options.allow || /^$/;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !allowed.test(message.text())) faults.push("console: " + message.text());
  });
  page.on("pageerror", (error) => faults.push("thrown: " + error.stack));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin()) && !url.startsWith("data:")) faults.push("asks a foreign host: " + url);
  });
  page.on("websocket", (socket) => faults.push("opens a WebSocket: " + socket.url()));
  if (!options.still) await page.clock.install();
  return { context, page, faults };
}

// origin(): of the server that the present test uses.  before(): makes it fresh.
async function run(origin, before) {
  const browser = await launch();
  const only = process.argv.slice(2);
  let passed = 0, failed = 0;
  for (const { name, options, body } of tests.filter((t) => !only.length || only.some((word) => t.name.includes(word)))) {
    const begun = Date.now();
    let error = null, opened = null;
    try {
      await before();
      opened = await open(browser, options, origin);
      opened.page.setDefaultTimeout(30000);
      await Promise.race([body(opened.page, opened),
        new Promise((_, fail) => setTimeout(() => fail(new Error("still running after 180 s")), 180000).unref())]);
      if (opened.faults.length) throw new Error(opened.faults.slice(0, 5).join("\n"));
    } catch (thrown) {
      error = thrown;
      if (opened && process.env.SLUICE_SHOTS)
        await opened.page.screenshot({ path: path.join(process.env.SLUICE_SHOTS, name.replace(/\W+/g, "-") + ".png") }).catch(() => {});
    }
    if (opened) await opened.context.close();
    if (error) failed++; else passed++;
    console.log(`${error ? "FAIL" : "ok  "} ${name}, ${((Date.now() - begun) / 1000).toFixed(1)} s${error ? "\n" + (error.stack || error) : ""}`);
  }
  await browser.close();
  console.log(`${passed} passed, ${failed} failed`);
  return failed || !passed ? 1 : 0;
}

module.exports = { test, check, equal, waitFor, run, launch };
