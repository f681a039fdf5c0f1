// The table of accesses: filters, sorting, and for each row what proves it.
import { hex } from "./bytes.mjs";
import { GONE, NONE, OPENED, WITHHELD } from "./container.mjs";
import { erasureOf } from "./contents.mjs";
import { h, plain, quoted, timeText } from "./dom.mjs";
import { unitName } from "./event.mjs";
import { flagNames, kindName } from "./leaf.mjs";

const PAGE = 200;  // rows at a time
const decoder = new TextDecoder();

// Columns: name, value of a row as text, its sort key if that differs, what a cell holds.
const COLUMNS = [
  { name: "Entry", key: (row) => row.entry.index, cell: (row) => row.button },
  { name: "Time", key: (row) => row.us ?? 0n, cell: (row) =>
    h("time", {}, row.us === null ? "" : timeText(row.us, row.offset)) },
  { name: "User", of: "user" }, { name: "Role", of: "role" },
  { name: "Department", of: "department" }, { name: "Action", of: "action" },
  { name: "What", of: "what" }, { name: "Purpose", of: "purpose" },
  { name: "Patient", of: "patient" }, { name: "Address", of: "address" },
  { name: "Break-glass", of: "override" },
];

// A part of an event for people: its text, or that it is withheld and by which rule.
function partText(value, rules) {
  if (typeof value !== "object") return value;
  return `withheld: ${rules.get(value.rule)?.name ?? value.rule}`;
}

function partCell(value, rules) {
  if (typeof value !== "object") return quoted(value);
  const rule = rules.get(value.rule);
  const title = plain(`rule ${value.rule}, ${rule?.name}: ${rule?.why}`);
  return h("span", { class: "withheld", title }, `withheld [${value.rule}]`);
}

const keyOf = (column, rules) => column.key
  ?? ((row) => partText(row.told[column.of], rules).toLowerCase());
const cellOf = (column, row, rules) => (column.cell ? column.cell(row)
  : partCell(row.told[column.of], rules));

export class Accesses {
  constructor(rows, rules, bundle) {
    Object.assign(this, { rows, rules, bundle, limit: PAGE, sorted: 0, descending: false });
    this.body = h("tbody");
    this.count = h("p", { role: "status", class: "count" });
    this.more = h("button", { type: "button", class: "more",
      click: () => { this.limit += PAGE; this.fill(); } }, "Show more");
    this.heads = COLUMNS.map((column, i) => h("th", { scope: "col", "aria-sort": "none" },
      h("button", { type: "button", click: () => this.sortBy(i) }, column.name)));
    this.filters = this.makeFilters();
    this.fill();
    // On paper there is no button for more.
    window.addEventListener("beforeprint", () => { this.limit = Infinity; this.fill(); });
  }

  element() {
    return h("div", {}, this.filters, this.count,
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Accesses" },
        h("table", { class: "accesses" },
          h("caption", {}, "Each entry's number opens what proves it. [n] is the rule under which "
            + "something is withheld, below."),
          h("thead", {}, h("tr", {}, this.heads)), this.body)), this.more);
  }

  makeFilters() {
    const changed = () => { this.limit = PAGE; this.fill(); };
    const choice = (label, of) => {
      const values = [...new Set(this.rows.map((row) => partText(row.told[of], this.rules)))]
        .filter((value) => value !== "").sort();
      const select = h("select", { change: changed }, h("option", { value: "" }, "all"),
        values.slice(0, 500).map((value) => h("option", { value }, plain(value))));
      return { element: h("label", {}, label, select), of, select };
    };
    this.choices = [choice("User", "user"), choice("Department", "department"),
      choice("Action", "action"), choice("Purpose", "purpose")];
    this.search = h("input", { type: "search", input: changed, placeholder: "any column" });
    const box = (label) => {
      const input = h("input", { type: "checkbox", change: changed });
      return [input, h("label", { class: "box" }, input, label)];
    };
    let [glass, context] = [null, null];
    [this.glass, glass] = box("break-glass only");
    [this.context, context] = box("context entries too");
    return h("form", { class: "filters", submit: (event) => event.preventDefault() },
      h("label", {}, "Search", this.search), this.choices.map((c) => c.element), glass, context);
  }

  sortBy(column) {
    this.descending = this.sorted === column && !this.descending;
    this.sorted = column;
    this.fill();
  }

  isShown(row) {
    if (row.entry.role !== 0 && !this.context.checked) return false;
    if (this.glass.checked && row.told.override === "") return false;
    for (const { of, select } of this.choices) {
      if (select.value !== "" && partText(row.told[of], this.rules) !== select.value) return false;
    }
    const wanted = this.search.value.trim().toLowerCase();
    if (wanted === "") return true;
    const [, ...columns] = COLUMNS;
    return `${row.entry.index}` === wanted || columns.some((column) => (column.of
      ? partText(row.told[column.of], this.rules) : column.cell(row).textContent)
      .toLowerCase().includes(wanted));
  }

  fill() {
    const shown = this.rows.filter((row) => this.isShown(row));
    const key = keyOf(COLUMNS[this.sorted], this.rules);
    const sign = this.descending ? -1 : 1;
    shown.sort((a, b) => sign * (key(a) < key(b) ? -1 : key(a) > key(b) ? 1
      : a.entry.index - b.entry.index));
    this.heads.forEach((head, i) => head.setAttribute("aria-sort",
      i !== this.sorted ? "none" : this.descending ? "descending" : "ascending"));
    const some = shown.slice(0, this.limit);
    this.body.replaceChildren(...some.flatMap((row) => this.rowsOf(row)));
    this.count.textContent = `${shown.length} of ${this.rows.length} entries`
      + (some.length < shown.length ? `, the first ${some.length} shown` : "");
    this.more.hidden = some.length === shown.length;
  }

  rowsOf(row) {
    const id = `proof-${row.entry.index}`;
    const detail = h("tr", { id, class: "detail", hidden: true });
    row.button = h("button", { type: "button", class: row.holds ? "proof" : "proof broken",
      "aria-expanded": "false", "aria-controls": id, "aria-label":
        `Entry ${row.entry.index}, ${row.holds ? "proven" : "not proven"}: what proves it`,
      click: () => {
        const open = detail.hidden;
        if (open && detail.childElementCount === 0) detail.append(this.detailOf(row));
        detail.hidden = !open;
        row.button.setAttribute("aria-expanded", String(open));
      } }, `${row.holds ? "\u2713" : "\u2717"} ${row.entry.index}`);
    return [h("tr", { class: [row.entry.role === 0 ? "" : "context",
      row.told.override === "" ? "" : "glass"].join(" ").trim() || null },
    COLUMNS.map((column) => h("td", {}, cellOf(column, row, this.rules)))),
    detail];
  }

  detailOf({ entry, leafHash }) {
    const run = this.bundle.inclusion.find((r) => r.begin <= entry.index && entry.index < r.end);
    const { leaf, header } = entry;
    const facts = [["Kind", kindName(leaf.kind)], ["Content", contentText(entry, this.bundle)],
      ["Recorded by the ledger", timeText(leaf.recordedAt)], ["Leaf hash", hex(leafHash)],
      ["Commitment", leaf.commitment ? hex(leaf.commitment) : "none"],
      ["Inclusion", `entries ${run.begin} to ${run.end - 1} with ${run.proof.length} hashes lead `
        + `to the root of size ${this.bundle.head.size}`],
      ["Tags", leaf.tags.map((tag) => hex(tag)).join("\n") || "none"]];
    if (header) {
      facts.push(["Sent by", plain(decoder.decode(header.principal))],
        ["Stream and number", `${plain(decoder.decode(header.stream))}, ${header.sequence}`],
        ["Flags", flagNames(header.flags).join(", ") || "none"],
        ["Signed by its emitter", header.signature ? hex(header.signature.key) : "no"]);
    }
    const units = entry.units.map((unit, i) => h("tr", { class: unit.rule ? "withheld" : null },
      h("td", {}, unitName(unit.path)),
      h("td", {}, unit.rule ? `withheld: ${plain(this.rules.get(unit.rule)?.name ?? unit.rule)}`
        : `shown, ${unit.bytes.length} bytes`),
      h("td", { class: "hash" }, entry.list ? hex(entry.list[i].hash) : "")));
    return h("td", { colspan: COLUMNS.length }, h("dl", { class: "facts" },
      facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
    units.length === 0 ? null : h("table", { class: "units" },
      h("caption", {}, "Units of the event, each hashed with a salt of its own"),
      h("thead", {}, h("tr", {}, ["Unit", "", "Hash"].map((n) => h("th", { scope: "col" }, n)))),
      h("tbody", {}, units)));
  }
}

export function contentText(entry, bundle) {
  if (entry.content === NONE) return "an entry of the ledger's own";
  if (entry.content === OPENED) {
    const hidden = entry.units.filter((unit) => unit.rule !== 0).length;
    return hidden === 0 ? "shown whole" : `${hidden} of ${entry.units.length} units withheld`;
  }
  if (entry.content === WITHHELD) return `withheld whole under rule ${entry.rule}`;
  const by = entry.content === GONE ? erasureOf(bundle.entries, entry.index) : null;
  return by === null ? "WITHHELD: not there, and no entry here says why" : `erased by entry ${by}`;
}
