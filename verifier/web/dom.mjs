// Elements made of data: text is only ever text, so nothing that a bundle holds can become markup.
const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== ""));
  return element;
}

// h("td", { class: "index" }, "7"); functions are listeners.
export const h = (name, attributes = {}, ...children) =>
  filled(document.createElement(name), attributes, children);
export const svg = (name, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

// Text of others: what would not be seen, or would turn the line around, is spelt out.
export function plain(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu,
    (c) => `\u27e8U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`);
}

export const quoted = (text, attributes = {}) => h("bdi", attributes, plain(text));

export function table(caption, head, rows, attributes = {}) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", attributes, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))));
}

const MICROS = 1000000n;

// 2026-03-02 09:25:00 +01:00; without an offset in UTC.
export function timeText(us, offset = 0) {
  const shifted = us / MICROS + BigInt((offset ?? 0) * 60);
  if (shifted > 253402300799n) return `${us} us`;
  const text = new Date(Number(shifted) * 1000).toISOString().slice(0, 19).replace("T", " ");
  if (!offset) return `${text} ${offset === null ? "(no zone)" : "UTC"}`;
  const minutes = Math.abs(offset);
  const two = (n) => String(n).padStart(2, "0");
  const zone = `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return `${text} ${offset < 0 ? "\u2212" : "+"}${zone}`;
}
