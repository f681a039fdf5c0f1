// The report: verdict, what was asked, charts, the table, what is withheld, coverage, custody,
// certificate. Made of the bundle alone.
import { Accesses, contentText } from "./accesses.mjs";
import { hex } from "./bytes.mjs";
import { byHour, ranked, tally, timeline } from "./charts.mjs";
import { CORE } from "./claims.mjs";
import { MATCH, OPENED } from "./container.mjs";
import { h, plain, quoted, table, timeText } from "./dom.mjs";
import { describe } from "./event.mjs";
import { kindName } from "./leaf.mjs";
import { keyName } from "./note.mjs";
import { leafHash, sha256 } from "./tree.mjs";

const ASKS = {
  file: "Is the file whole?", head: "Did the log sign this?", witnesses: "Do others vouch for it?",
  entries: "Are the entries in the log?", contents: "Is what is shown what was recorded?",
  tags: "Are the search keys right?", senders: "Did the senders sign?",
  scope: "Is this what was asked for?", completeness: "Is anything left out?",
  consistency: "Does the log only grow?", timestamps: "When was it recorded?",
  coverage: "Did events go missing?", custody: "Does the log know of this file?" };
const MARKS = { PASS: "\u2713", FAIL: "\u2717", "CANNOT TELL": "?" };

const section = (id, title, ...children) =>
  h("section", { id, "aria-labelledby": `${id}-h` }, h("h2", { id: `${id}-h` }, title), children);

// What stands in the live region, so that it is read out.
export function verdictBanner(report) {
  const failed = report.claims.filter((c) => c.result === "FAIL");
  const open = report.claims.filter((c) => c.result === "CANNOT TELL" && CORE.includes(c.claim));
  const [kind, title, lead] = {
    1: ["bad", "REFUSED", "This file is not what the log recorded. Do not rely on it."],
    2: ["open", "CANNOT TELL", "Nothing is wrong, but something that matters is not proven."],
    3: ["good", "VERIFIED", "Checked in this browser against the key below, without witnesses."],
    0: ["good", "VERIFIED", "Checked in this browser against the key and witnesses below."],
  }[report.exitCode];
  const told = failed.length > 0 ? failed : open;
  return h("div", { class: `verdict ${kind}` },
    h("p", { class: "word" }, h("span", { class: "mark", "aria-hidden": "true" },
      { bad: "\u2717", open: "?", good: "\u2713" }[kind]), title), h("p", {}, lead),
    told.length === 0 ? null : h("ul", {}, told.map((c) =>
      h("li", {}, h("strong", {}, c.claim), ": ", quoted(c.reason)))));
}

function claimsSection(report) {
  return section("claims", "What is proven, and what is not",
    h("ul", { class: "claims" }, report.claims.map(({ claim, result, reason }) =>
      h("li", { class: result !== "CANNOT TELL" ? result.toLowerCase()
        : CORE.includes(claim) ? "open" : "aside" },
        h("span", { class: "mark", "aria-hidden": "true" }, MARKS[result]),
        h("div", {}, h("h3", {}, ASKS[claim], h("span", { class: "result" }, result)),
          h("p", {}, h("code", {}, claim), " ", quoted(reason)))))));
}

function queryText(query) {
  const window = [query.from_us ? `from ${timeText(BigInt(query.from_us))}` : "",
    query.to_us ? `to ${timeText(BigInt(query.to_us))}` : ""].filter(Boolean).join(" ");
  if (query.kind === "all") return "the whole log";
  if (query.kind === "range") return `entries ${query.begin} to ${query.end - 1}`;
  if (query.kind === "recorded") return `everything recorded ${window}`;
  return `${plain(query.about)}${window ? `, recorded ${window}` : ""}`;
}

function summary(bundle, rows) {
  const { manifest: about, scope, head } = bundle;
  const matched = rows.filter((row) => row.entry.role === MATCH);
  const count = (of) => {
    if (matched.some((row) => typeof row.told[of] === "object")) return "withheld";
    return new Set(matched.map((row) => row.told[of]).filter((value) => value !== "")).size;
  };
  const numbers = [[matched.filter((row) => row.us !== null).length, "accesses"],
    [count("userId"), "users"], [count("department"), "departments"],
    [matched.filter((row) => row.told.override !== "").length, "under break-glass"],
    [scope.rules.length, "rules that withhold"], [scope.examined, "entries examined"]];
  const facts = [["Asked", queryText(scope.query)], ["Case", about.case],
    ["Purpose", about.purpose], ["Legal basis", about.legal_basis],
    ["Requested by", about.requester], ["Approved by", about.approver],
    ["Made", `${about.created_at} by ${about.exporter} (${about.tool} ${about.tool_version})`],
    ["Package", about.package], ["Log", head.origin],
    ["Head", `size ${head.size}, root ${hex(head.root)}`]];
  return section("summary", "Summary",
    h("ul", { class: "numbers" }, numbers.map(([n, what]) =>
      h("li", {}, h("strong", {}, n.toLocaleString("en")), what))),
    h("dl", { class: "facts" }, facts.filter(([, value]) => value !== "").map(([name, value]) =>
      h("div", { class: value.length > 60 ? "wide" : null }, h("dt", {}, name),
        h("dd", {}, quoted(value))))));
}

function charts(rows) {
  const timed = rows.filter((row) => row.us !== null && row.entry.role === MATCH)
    .map((row) => ({ ...row, override: row.told.override !== "" }));
  const label = (of) => (row) => (typeof row.told[of] === "object" ? "(withheld)"
    : row.told[of] || "(not said)");
  return section("charts", "When, and by whom", h("div", { class: "charts" }, timeline(timed),
    byHour(timed), ranked("By user", "User", tally(timed, label("user"))),
    ranked("By department", "Department", tally(timed, label("department")))),
  h("p", { class: "note" }, "Times are those of the systems that sent the events, with their zone. "
    + "Hours with an access under break-glass are marked in orange."));
}

function withheldSection({ scope, entries }) {
  const rows = scope.rules.map((rule) => [`${rule.rule}`, quoted(rule.name), quoted(rule.why),
    `${rule.entries}`, `${rule.headers}`, `${rule.units}`]);
  const gone = entries.filter((entry) => entry.content === 3);
  return section("withheld", "What is withheld, and why",
    h("p", {}, "Whatever is withheld still counts in the proofs: that there is a value, and where, "
      + "cannot be hidden. Only what it is."),
    rows.length === 0 ? h("p", {}, "Nothing was withheld by rule.")
      : table("Rules", ["Rule", "Name", "Why", "Entries", "Headers", "Units"], rows),
    gone.length === 0 ? null : table("Not there when this file was made", ["Entry", "Why"],
      gone.map((entry) => [`${entry.index}`, contentText(entry, { entries })])));
}

function completenessSection({ context: { answers }, bundle: { scope: { query } } }) {
  if (!answers || answers.rows.length === 0) return null;
  const rows = answers.rows.map((row, i) => [h("code", {}, `${query.tags[i].slice(0, 16)}\u2026`),
    `${row.entries.length}`, row.indexHead ? `${row.indexHead.index}` : "none",
    `${row.indexHead?.size ?? 0}`, `${row.tail}`, `${row.completeSize}`]);
  return section("answers", "Nothing left out: what that rests on",
    h("p", {}, "The log keeps an index of its entries by tag, a keyed hash of a patient's number, "
      + "and signs it as an entry of its own, the index head. Each tag that was asked for has a "
      + "proof here: what the index has about it, and every entry that came after the index head."),
    table("Proofs", ["Tag", "Entries found", "Index head, entry", "It covers the first",
      "Then searched one by one", "Complete below entry"], rows),
    h("p", { class: "note" }, "That the index was made of all entries is the operator's word until "
      + "somebody makes it anew from the log (auditledger-verify log). Whose tag it is, the index "
      + "key alone can show; it is not in this file."));
}

function coverageSection({ coverage }) {
  const gaps = (row) => (row.gaps.length === 0 ? "none" : row.gaps.map(([a, b]) =>
    (a === b ? `${a}` : `${a} to ${b}`)).join(", ") + (row.more ? " and more" : ""));
  return section("coverage", "Coverage: what never arrived",
    h("p", {}, "Each sender numbers its events. A gap is a number that the ledger never saw: an "
      + "event that was lost, or held back. This is the ledger's word; what was never numbered is "
      + "not known."),
    coverage.length === 0 ? h("p", {}, "The file says nothing about gaps.")
      : table("Streams", ["Sender", "Stream", "Received", "Last number", "Gaps"],
        coverage.map((row) => [quoted(row.principal), quoted(row.stream), `${row.received}`,
          `${row.last}`, h("span", { class: row.gaps.length > 0 ? "gap" : null }, gaps(row))])));
}

function custodySection(bundle) {
  const rows = (bundle.custody ?? []).map((record) => {
    const told = describe({ units: record.units.map((unit) => ({ ...unit, rule: 0 })) });
    return [`${record.index}`, timeText(record.leaf.recordedAt), record.code, quoted(told.user),
      quoted(record.principal)];
  });
  return section("custody", "Chain of custody",
    h("p", {}, "That this file was made, and each time it was handed on, is an entry of the log "
      + "itself, which names the file by its manifest's hash."),
    rows.length === 0 ? h("p", {}, "No entry of the log is shown that knows of this file.")
      : table("Entries of the log", ["Entry", "Recorded", "What", "Who", "Authenticated as"],
        rows));
}

function endSections(bundle) {
  const { glossary, certificate } = bundle;
  return [glossary.length === 0 ? null : section("glossary", "Glossary of codes",
    table("Codes", ["System", "Code", "Meaning"],
      glossary.map((row) => [quoted(row.system), quoted(row.code), quoted(row.meaning)]))),
  certificate.length === 0 ? null : section("certificate", "Certificate",
    h("p", { class: "draft" }, "Draft for a lawyer. It is not signed, and says nothing until it "
      + "is."),
    certificate.map((text) => h("pre", { tabindex: "0" },
      text.split("\n").map(plain).join("\n"))))];
}

function howTo({ manifest }, digest) {
  return section("verify", "How to check it again",
    h("p", {}, "On another machine, without a network, with the key as the log's operator "
      + "published it and never as this file names it:"),
    h("pre", {}, `auditledger-verify bundle FILE --origin ${plain(manifest.origin)} --key KEYFILE`),
    h("dl", { class: "facts" }, h("div", {}, h("dt", {}, "SHA-256 of this file"),
      h("dd", { class: "hash" }, digest))));
}

// What the table and the charts need of each entry.
async function rowsOf(bundle, report) {
  const holds = ["head", "entries", "contents"].every((name) =>
    report.claims.find((c) => c.claim === name).result !== "FAIL");
  return Promise.all(bundle.entries.map(async (entry) => {
    const told = describe(entry);
    if (entry.content === OPENED && entry.leaf.kind !== 1) told.what ||= kindName(entry.leaf.kind);
    if (entry.content !== OPENED) told.what = kindName(entry.leaf.kind) === "event"
      ? contentText(entry, bundle) : kindName(entry.leaf.kind);
    const isAccess = entry.content === OPENED && entry.leaf.kind === 1;
    return { entry, told, holds, leafHash: await leafHash(entry.leafBytes),
      us: isAccess ? told.at?.us ?? entry.leaf.recordedAt : null, offset: told.at?.offset ?? 0 };
  }));
}

// The elements below the verdict.
export async function reportBody(report, data) {
  const { bundle } = report;
  if (!bundle) return [claimsSection(report)];
  const rows = await rowsOf(bundle, report);
  const rules = new Map(bundle.scope.rules.map((rule) => [rule.rule, rule]));
  const accesses = new Accesses(rows, rules, bundle);
  return [summary(bundle, rows), charts(rows), claimsSection(report),
    section("accesses", "Every access", accesses.element()), completenessSection(report),
    withheldSection(bundle),
    coverageSection(bundle), custodySection(bundle), ...endSections(bundle),
    howTo(bundle, hex(await sha256(data)))].filter(Boolean);
}

// "Compare this": the key that the verdict is against.
export function keyLine(report) {
  if (!report.context.keys) return null;
  const { key, pinned } = report.context.keys;
  return h("p", { class: "key" },
    pinned ? "Checked against the key " : "Named by the file itself: ",
    h("code", {}, keyName(key)),
    pinned ? ". Compare it with the one that the log's operator published: whoever made this page "
      + "may have put it here."
      : ". Paste the key that the operator published to check against it.");
}
