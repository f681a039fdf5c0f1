// Headless Chromium, driven over a pipe by its DevTools protocol: no port, no package.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAMS = ["chromium", "chromium-browser"];
const ANSWER_MS = 60000;

// A page in a browser of its own: {send, on, evaluate, open, close}
export async function startBrowser() {
  const profile = mkdtempSync(join(tmpdir(), "auditledger-chromium-"));
  const child = spawn(process.env.CHROMIUM ?? PROGRAMS[0], ["--headless=new", "--no-sandbox",
    "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--disable-component-update", "--disable-background-networking", "--remote-debugging-pipe",
    `--user-data-dir=${profile}`, "about:blank"],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const waiting = new Map();
  const listeners = [];
  let [next, text] = [1, ""];
  child.stdio[4].on("data", (chunk) => {
    text += chunk;
    for (let end = text.indexOf("\0"); end >= 0; end = text.indexOf("\0")) {
      const message = JSON.parse(text.slice(0, end));
      text = text.slice(end + 1);
      if (message.id) waiting.get(message.id)?.(message);
      else listeners.forEach((listener) => listener(message));
    }
  });
  const call = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
    const id = next++;
    const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_MS);
    waiting.set(id, (message) => {
      clearTimeout(timer);
      waiting.delete(id);
      if (message.error) reject(new Error(`${method}: ${message.error.message}`));
      else resolve(message.result);
    });
    child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  });
  const { targetId } = await call("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
  const send = (method, params) => call(method, params, sessionId);
  for (const domain of ["Page", "Runtime", "Network", "Log", "Accessibility", "DOM"]) {
    await send(`${domain}.enable`);
  }
  const page = { send, on: (listener) => listeners.push(listener) };
  page.evaluate = async (expression) => {
    const { result, exceptionDetails } = await send("Runtime.evaluate",
      { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? expression);
    return result.value;
  };
  page.open = async (url) => {
    const loaded = new Promise((resolve) => listeners.push((message) =>
      message.method === "Page.loadEventFired" && resolve()));
    await send("Page.navigate", { url });
    await loaded;
  };
  page.close = async () => {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    await call("Browser.close").catch(() => child.kill());
    await gone;
    rmSync(profile, { recursive: true, force: true });
  };
  return page;
}
