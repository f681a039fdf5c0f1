// The page in headless Chromium, opened as a file: verdicts, a flipped byte, hostile text, filters,
// keyboard, what is read out. Set SCREENSHOTS to a folder to look at it.
import "./setup.mjs";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startBrowser } from "./browser.mjs";
import { load, loadJson } from "./vectors.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const builder = here("../../../verifier/web/build_page.py");
const published = loadJson("tests/testdata/bundle/bundles.json");
const fileOf = (name) => load(`tests/testdata/bundle/${name}.bundle`);
const folder = mkdtempSync(join(tmpdir(), "auditledger-page-"));
const seen = [];  // what the browser tells: requests, errors, dialogs
let page;
let made = 0;

before(async () => {
  page = await startBrowser();
  page.on((message) => seen.push(message));
  await page.send("Emulation.setDeviceMetricsOverride",
    { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
});
after(async () => {
  await page.close();
  rmSync(folder, { recursive: true, force: true });
});

// Opens the page made of `data`, and waits for its verdict.
async function show(data, key = published.vkey) {
  const name = join(folder, `page-${made++}`);
  writeFileSync(`${name}.bundle`, data);
  writeFileSync(`${name}.vkey`, key);
  execFileSync("python3", [builder, `${name}.html`, "--bundle", `${name}.bundle`,
    ...(key ? ["--key", `${name}.vkey`] : [])]);
  seen.length = 0;
  await page.open(pathToFileURL(`${name}.html`).href);
  await waitFor("document.querySelector('#report section') !== null");
  return page.evaluate("document.body.dataset.verdict");
}

async function waitFor(condition) {
  await page.evaluate(`new Promise((resolve) => {
    const look = () => (${condition}) ? resolve() : requestAnimationFrame(look);
    look();
  })`);
}

async function screenshot(name, whole = true) {
  if (!process.env.SCREENSHOTS) return;
  const { data } = await page.send("Page.captureScreenshot",
    { format: "png", captureBeyondViewport: whole });
  writeFileSync(join(process.env.SCREENSHOTS, `${name}.png`), Buffer.from(data, "base64"));
}

const text = (selector) => page.evaluate(
  `document.querySelector(${JSON.stringify(selector)})?.textContent ?? ""`);
const count = (selector) => page.evaluate(
  `document.querySelectorAll(${JSON.stringify(selector)}).length`);
const color = (selector) => page.evaluate(
  `getComputedStyle(document.querySelector(${JSON.stringify(selector)})).backgroundColor`);
const requests = () => seen.filter(({ method, params }) => method === "Network.requestWillBeSent"
  && !/^(file|data):/.test(params.request.url));
const problems = () => seen.filter(({ method, params }) =>
  ["Runtime.exceptionThrown", "Page.javascriptDialogOpening"].includes(method)
  || (method === "Log.entryAdded" && params.entry.level === "error"));

for (const { name, claims } of published.bundles) {
  test(`${name}: shown as what it is`, async () => {
    const core = ["file", "head", "entries", "contents", "scope", "completeness", "custody"];
    const open = core.some((claim) => claims[claim] === "CANNOT TELL");
    assert.equal(await show(fileOf(name)), open ? "cannot tell" : "verified, unwitnessed");
    assert.equal(await count("#claims li"), Object.keys(claims).length);
    assert.deepEqual(problems(), []);
  });
}

test("it turns red at one flipped byte", async () => {
  await show(fileOf("patient"));
  const green = await color(".verdict");
  const file = fileOf("patient");
  for (let at = 3; at < file.length; at += 2111) {
    const changed = file.slice();
    changed[at] ^= 4;
    assert.equal(await show(changed), "refused", `byte ${at}`);
    assert.match(await text(".verdict"), /REFUSED/);
    assert.notEqual(await color(".verdict"), green);
  }
  const changed = file.slice();
  changed[Buffer.from(file).indexOf("cardiology")] ^= 1;
  await show(changed);
  assert.ok(await count(".proof.broken") > 0, "its entries are marked");
  await screenshot("refused");
});

test("hostile text is text", async () => {
  const out = join(folder, "hostile.bundle");
  execFileSync("python3", [here("make_day.py"), out, "--hostile"]);
  assert.equal(await show(readFileSync(out)), "verified, unwitnessed");
  assert.match(await text("#accesses"), /<script>window\.hostile = 1<\/script>/);
  assert.match(await text("#accesses"), /\u27e8U\+202E\u27e9evil/);
  assert.match(await text("#summary"), /<img src=x onerror/);
  await page.evaluate("document.querySelectorAll('.proof').forEach((b) => b.click())");
  assert.equal(await page.evaluate("typeof window.hostile"), "undefined");
  assert.equal(await count("#report script, #report img, #report iframe, #report a"), 0);
  assert.equal(await count("#report [onload], #report [onerror]"), 0);
  assert.deepEqual(problems(), []);
  assert.deepEqual(requests(), []);
  await screenshot("hostile", false);
});

test("its policy lets nothing else run, and nothing out", async () => {
  await show(fileOf("range"));
  await page.evaluate(`{
    const script = document.createElement("script");
    script.textContent = "window.ran = 1";
    document.body.append(script);
    const image = document.createElement("img");
    image.src = "http://127.0.0.1:9/x.png";
    document.body.append(image);
    const button = document.createElement("div");
    button.innerHTML = "<b onclick='window.ran = 1'>x</b>";
    document.body.append(button);
    button.firstChild.click();
  }`);
  assert.equal(await page.evaluate("typeof window.ran"), "undefined");
  assert.equal(await page.evaluate(
    "fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')"), "refused");
  const blocked = seen.filter(({ method, params }) =>
    method === "Log.entryAdded" && /Content Security Policy/.test(params.entry.text));
  assert.ok(blocked.length >= 3, `${blocked.length} violations`);
});

test("without a key it cannot tell, and with one that is typed it can", async () => {
  assert.equal(await show(fileOf("range"), ""), "cannot tell");
  assert.match(await text(".key"), /Named by the file itself/);
  const check = async (key) => {
    await page.evaluate(`document.getElementById("pin").value = ${JSON.stringify(key)};
      document.getElementById("pin-form").requestSubmit();`);
  };
  await check(published.vkey);
  await waitFor("document.body.dataset.verdict === 'verified, unwitnessed'");
  await check("audit.example.org/clinic+00000000+AAAA");
  await waitFor("document.body.dataset.verdict === 'no key'");
  assert.match(await text("#pin-error"), /no key of the form/);
  await check("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
  await waitFor("document.body.dataset.verdict === 'refused'");
});

test("what shows that nothing is left out is told", async () => {
  assert.equal(await show(fileOf("answered")), "verified, unwitnessed");
  assert.match(await text("#answers"), /index head/);
  assert.equal(await count("#answers tbody tr"), 2, "one for each tag");
  await screenshot("answered");
  await show(fileOf("patient"));
  assert.equal(await count("#answers"), 0, "the leaves themselves show it");
});

test("any bundle is opened by dropping it", async () => {
  const empty = join(folder, "empty.html");
  execFileSync("python3", [builder, empty]);
  await page.open(pathToFileURL(empty).href);
  assert.match(await text("#verdict"), /Open an evidence bundle/);
  await screenshot("empty");
  await page.evaluate(`{
    const bytes = Uint8Array.from(atob("${Buffer.from(fileOf("window")).toString("base64")}"),
      (c) => c.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "x.bundle"));
    document.getElementById("pin").value = "${published.vkey}";
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
  }`);
  await waitFor("document.body.dataset.verdict === 'verified, unwitnessed'");
  assert.match(await text("#completeness, #claims"), /every entry recorded in that window/);
});

test("a file that is sealed is told from one that is damaged", async () => {
  const empty = join(folder, "sealed.html");
  execFileSync("python3", [builder, empty]);
  await page.open(pathToFileURL(empty).href);
  await page.evaluate(`{
    const bytes = Uint8Array.from([0x30, 0x80, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
      0x09, 0x10, 0x01, 0x17, 0xa0, 0x80]);
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], "x.sealed"));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
  }`);
  await waitFor("document.body.dataset.verdict === 'sealed'");
  assert.match(await text("#verdict"), /open-export/);
});

test("the table filters, sorts and shows what proves a row", async () => {
  const out = join(folder, "day.bundle");
  execFileSync("python3", [here("make_day.py"), out]);
  assert.equal(await show(readFileSync(out)), "verified, unwitnessed");
  const rows = "#accesses tbody tr:not(.detail)";
  const all = await count(rows);
  assert.equal(all, 200, "a page of them");
  await page.evaluate("window.dispatchEvent(new Event('beforeprint'))");
  assert.equal(await count(rows), 253, "all of them, on paper");
  await show(readFileSync(out));
  await page.evaluate("document.querySelector('.more').click()");
  assert.ok(await count(rows) > all);
  await page.evaluate(`{
    const search = document.querySelector("input[type=search]");
    search.value = "radiology";
    search.dispatchEvent(new Event("input", { bubbles: true }));
  }`);
  const found = await count(rows);
  assert.ok(found > 0 && found < all);
  assert.match(await text(".count"), new RegExp(`^${found} of 436 entries`));
  const times = () => page.evaluate(
    `[...document.querySelectorAll("${rows} time")].map((t) => t.textContent)`);
  const [, byTime] = ["", "#accesses th:nth-child(2)"];
  await page.evaluate(`document.querySelector("${byTime} button").click()`);
  await page.evaluate(`document.querySelector("${byTime} button").click()`);
  assert.equal(await page.evaluate(`document.querySelector("${byTime}").ariaSort`), "descending");
  const sorted = await times();
  assert.deepEqual(sorted, [...sorted].sort().reverse());
  await page.evaluate("document.querySelector('.proof').click()");
  assert.match(await text(".detail"), /Leaf hash[0-9a-f]{64}/);
  assert.match(await text(".detail"), /withheld: network/);
  await screenshot("day");
});

test("it is for everybody: names, one live verdict, focus, contrast", async () => {
  await show(fileOf("whole"));
  const { nodes } = await page.send("Accessibility.getFullAXTree");
  const roles = ["button", "textbox", "combobox", "checkbox", "searchbox", "table", "image"];
  const nameless = nodes.filter((n) => !n.ignored && roles.includes(n.role?.value)
    && !(n.name?.value ?? "").trim());
  assert.deepEqual(nameless.map((n) => `${n.role.value} ${n.nodeId}`), []);
  assert.equal(await page.evaluate("document.getElementById('verdict').ariaLive"), "assertive");
  assert.equal(await page.evaluate("document.documentElement.lang"), "en");
  const levels = await page.evaluate(
    "[...document.querySelectorAll('h1, h2, h3')].map((e) => Number(e.tagName[1]))");
  assert.ok(levels.every((level, i) => i === 0 ? level === 1 : level <= levels[i - 1] + 1));
  for (const key of ["Tab", "Tab"]) {
    await page.send("Input.dispatchKeyEvent", { type: "keyDown", key, code: key,
      windowsVirtualKeyCode: 9 });
  }
  assert.notEqual(await page.evaluate("document.activeElement.tagName"), "BODY");
  assert.deepEqual(await page.evaluate(`(${pale})()`), []);
});

// Text whose contrast with what is behind it is under 4.5 : 1.
function pale() {
  const rgb = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const low = new Set();
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== "");
    if (!own || !element.checkVisibility() || element.closest("svg, .skip")) continue;
    const [a, b] = [rgb(getComputedStyle(element).color), behind(element)].map(light);
    if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) {
      low.add(`${element.tagName}.${element.className}`);
    }
  }
  return [...low];
}

test("on a narrow screen and on paper nothing is lost", async () => {
  await page.send("Emulation.setDeviceMetricsOverride",
    { width: 390, height: 800, deviceScaleFactor: 1, mobile: true });
  await show(fileOf("patient"));
  assert.ok(await page.evaluate("document.documentElement.scrollWidth <= 391"));
  await screenshot("narrow");
  await page.send("Emulation.setDeviceMetricsOverride",
    { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
  await page.send("Emulation.setEmulatedMedia", { media: "print" });
  assert.equal(await page.evaluate(
    "getComputedStyle(document.querySelector('.filters')).display"), "none");
  await screenshot("print");
  const { data } = await page.send("Page.printToPDF", { printBackground: true });
  const pdf = Buffer.from(data, "base64");
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  if (process.env.SCREENSHOTS) writeFileSync(join(process.env.SCREENSHOTS, "print.pdf"), pdf);
  await page.send("Emulation.setEmulatedMedia", { media: "" });
});
