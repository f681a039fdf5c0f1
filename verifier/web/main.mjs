// The page's own life: the bundle that is embedded, or one that is dropped; the key that is pinned.
import { Malformed, hex, unbase64 } from "./bytes.mjs";
import { verifyBundle } from "./claims.mjs";
import { h } from "./dom.mjs";
import { keyLine, reportBody, verdictBanner } from "./report.mjs";

const at = (id) => document.getElementById(id);
let current = null;  // the bundle's bytes
// Of what is sealed for its recipients: a DER sequence that begins with id-ct-authEnvelopedData.
const SEALED = "060b2a864886f70d0109100117";
const isSealed = (data) => data[0] === 0x30 && hex(data.subarray(0, 32)).includes(SEALED);

function tellSealed() {
  at("report").replaceChildren();
  at("verdict").replaceChildren(h("p", { class: "verdict none" }, "This file is sealed for its "
    + "recipients. Open it first: auditledger-verify open-export FILE --recipient-key KEY --out "
    + "OUT"));
  document.body.dataset.verdict = "sealed";
}

async function show(data) {
  if (isSealed(data)) {
    tellSealed();
    return;
  }
  current = data;
  const vkey = at("pin").value.trim() || null;
  at("pin-error").textContent = "";
  at("report").replaceChildren();
  const progress = (done, total) => { at("progress").textContent = `Checked ${done} of ${total}`; };
  let report;
  try {
    report = await verifyBundle(data, { vkey, progress });
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    at("pin-error").textContent = "This is no key of the form NAME+ID+KEY, or its id does not fit.";
    at("verdict").replaceChildren();
    document.body.dataset.verdict = "no key";
    return;
  } finally {
    at("progress").textContent = "";
  }
  at("verdict").replaceChildren(verdictBanner(report), keyLine(report) ?? "");
  document.body.dataset.verdict = report.verdict;
  at("report").replaceChildren(...await reportBody(report, data));
}

async function open(file) {
  await show(new Uint8Array(await file.arrayBuffer()));
}

function pinAgain(event) {
  event.preventDefault();
  if (current) show(current);
}

function listen() {
  at("file").addEventListener("change", ({ target: { files } }) => files[0] && open(files[0]));
  at("pin-form").addEventListener("submit", pinAgain);
  at("print").addEventListener("click", () => window.print());
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      document.body.classList.add("dropping");
    });
  }
  document.addEventListener("dragleave", () => document.body.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
}

listen();
const embedded = at("bundle").textContent.trim();
at("pin").value = at("pinned-key").textContent.trim();
if (embedded !== "") {
  at("opener").open = false;
  show(unbase64(embedded));
} else {
  at("verdict").replaceChildren(h("p", { class: "verdict none" },
    "Open an evidence bundle: drop the file anywhere on this page, or choose it below."));
}
