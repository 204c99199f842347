// shot: the pictures of the documents: the list, and a route with its differences.
// Environment: SLUICE_PAGE, as mocked.js.  Arguments: files to write, in this order.
"use strict";
const { launch } = require("./driver.js");
const { Mock, pageOf } = require("./mock.js");

const POLLS = 90; // as many as the charts hold

async function picture(browser, mock, { file, hash, dark, height, before }) {
  const context = await browser.newContext({ viewport: { width: 1280, height }, colorScheme: dark ? "dark" : "light" });
  const page = await context.newPage();
  await page.clock.install({ time: Date.now() });
  mock.reset();
  mock.pace = 0;
  await page.goto(mock.url + hash);
  // Debian has no system font of its own for the interface.
  await page.evaluate(() => document.documentElement.style.setProperty("--sans", "\"Liberation Sans\", sans-serif"));
  for (let i = 0; i < POLLS; i++) {
    mock.world.advance(2);
    await page.clock.runFor(2000);
    await page.waitForFunction(() => !app.running);
  }
  if (before) await before(page);
  await page.screenshot({ path: file });
  await context.close();
}

async function main() {
  const [list, route] = process.argv.slice(2);
  const mock = await new Mock(await pageOf(process.env.SLUICE_PAGE)).listen();
  const browser = await launch();
  await picture(browser, mock, { file: list, hash: "", dark: false, height: 860 });
  if (route)
    await picture(browser, mock, { file: route, hash: "#/route/create-user/differences", dark: true, height: 1180,
      before: async (page) => {
        await page.locator("#differences").evaluate((e) => e.scrollIntoView());
        await page.waitForTimeout(200);
      } });
  await browser.close();
  await mock.stop();
}

main().catch((error) => { console.error(error); process.exit(1); });
