// Charts as inline SVG, each with its numbers as a table beside it.
import { h, plain, svg, table } from "./dom.mjs";

const WIDTH = 640;
const HOUR_US = 3600000000n;
const MAX_BARS = 72;

// {label, count} in order; what is counted is how often `keyOf` gives it.
export function tally(rows, keyOf) {
  const counts = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([label, count]) => ({ label, count }))
    .sort((a, b) => b.count - a.count || (a.label < b.label ? -1 : 1));
}

function figure(title, drawing, bars, what) {
  return h("figure", { class: "chart" }, h("figcaption", {}, title), drawing,
    h("details", {}, h("summary", {}, "Numbers"),
      table(title, [what, "Accesses"], bars.map(({ label, count }) =>
        [h("bdi", {}, plain(label)), String(count)]))));
}

function describeBars(title, bars) {
  const total = bars.reduce((sum, bar) => sum + bar.count, 0);
  const most = bars.reduce((a, b) => (b.count > a.count ? b : a), { label: "none", count: 0 });
  return `${title}: ${total} accesses; most, ${most.count}, at ${plain(most.label)}`;
}

// Upright bars, side by side; every `each`th has its label.
function upright(title, bars, each) {
  const [height, left, bottom] = [170, 34, 26];
  const top = niceTop(Math.max(1, ...bars.map((bar) => bar.count)));
  const step = (WIDTH - left) / bars.length;
  const y = (count) => 8 + (height - bottom - 8) * (1 - count / top);
  const grid = [0, top / 2, top].map((count) => svg("g", {},
    svg("line", { x1: left, x2: WIDTH, y1: y(count), y2: y(count), class: "grid" }),
    svg("text", { x: left - 6, y: y(count) + 4, class: "tick end" }, String(count))));
  const drawn = bars.map(({ label, count, alarm }, i) => svg("g", {},
    svg("rect", { x: left + i * step + Math.min(2, step / 6), width: Math.max(1, step * 0.76),
      y: y(count), height: y(0) - y(count), rx: Math.min(2, step / 4),
      class: alarm ? "bar alarm" : "bar" },
    svg("title", {}, `${plain(label)}: ${count}`)),
    i % each === 0 ? svg("text", { x: left + (i + 0.4) * step, y: height - 8, class: "tick" },
      plain(label.split(" ").at(-1))) : null));
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img",
    "aria-label": describeBars(title, bars) }, grid, drawn);
}

function niceTop(count) {
  const step = 10 ** Math.floor(Math.log10(count));
  const top = [1, 2, 4, 5, 10].map((n) => n * step).find((n) => n >= count);
  return top % 2 === 0 ? top : top + 1;
}

// Over the time that the rows span: an hour a bar, or as many hours as it takes.
export function timeline(rows) {
  const timed = rows.filter((row) => row.us !== null);
  if (timed.length === 0) return null;
  const hours = timed.map((row) => (row.us + BigInt(row.offset ?? 0) * 60000000n) / HOUR_US);
  const first = hours.reduce((a, b) => (a < b ? a : b));
  const last = hours.reduce((a, b) => (a > b ? a : b));
  const width = BigInt(Math.max(1, Math.ceil(Number(last - first + 1n) / MAX_BARS)));
  const bars = Array.from({ length: Number((last - first) / width) + 1 }, (_, i) => {
    const at = new Date(Number(first + BigInt(i) * width) * 3600000).toISOString();
    return { label: width >= 24n ? at.slice(0, 10) : `${at.slice(0, 10)} ${at.slice(11, 16)}`,
      count: 0, alarm: false };
  });
  hours.forEach((hour, i) => {
    const bar = bars[Number((hour - first) / width)];
    bar.count++;
    bar.alarm ||= timed[i].override;
  });
  const title = `Accesses over time, ${width === 1n ? "by hour" : `${width} hours a bar`}`;
  return figure(title, upright(title, bars, Math.ceil(bars.length / 8)), bars, "From");
}

export function byHour(rows) {
  const bars = Array.from({ length: 24 }, (_, hour) =>
    ({ label: `${String(hour).padStart(2, "0")}:00`, count: 0 }));
  for (const { us, offset } of rows) {
    if (us === null) continue;
    const hour = (us + BigInt(offset ?? 0) * 60000000n) / HOUR_US;
    bars[Number(hour % 24n)].count++;
  }
  const title = "By hour of the day";
  return figure(title, upright(title, bars, 3), bars, "Hour");
}

// Lying bars of the most frequent, the rest summed.
export function ranked(title, what, counted) {
  const [most, rest] = [counted.slice(0, 10), counted.slice(10)];
  const bars = rest.length === 0 ? most : [...most, { label: `${rest.length} others`,
    count: rest.reduce((sum, bar) => sum + bar.count, 0) }];
  if (bars.length === 0) return null;
  const [line, left] = [26, 190];
  const top = Math.max(1, ...bars.map((bar) => bar.count));
  const drawn = bars.map(({ label, count }, i) => {
    const width = Math.max(2, (WIDTH - left - 50) * count / top);
    const name = plain(label);
    return svg("g", {},
      svg("text", { x: left - 8, y: i * line + 17, class: "tick end" },
        name.length > 26 ? `${name.slice(0, 25)}\u2026` : name),
      svg("rect", { x: left, y: i * line + 4, width, height: line - 8, rx: 3, class: "bar" },
        svg("title", {}, `${name}: ${count}`)),
      svg("text", { x: left + width + 8, y: i * line + 17, class: "tick start" }, String(count)));
  });
  const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${bars.length * line + 4}`, role: "img",
    "aria-label": describeBars(title, bars) }, drawn);
  return figure(title, drawing, counted, what);
}
