// What an entry tells a reader: the parts of its event that are shown, in words, and the names of
// those that are withheld. For display alone; what is proven was checked before.
import { records } from "./units.mjs";

const ACTIONS = ["", "create", "read", "update", "delete", "execute"];
const OUTCOMES = ["", "success", "minor failure", "serious failure", "major failure"];
const PHASES = ["", "started", "access", "stopped", "abandoned"];

// Names of the units, for people: field, or field.subfield.
const NAMES = { 1: "event id", 2: "schema version", 3: "tenant", 4: "recorded", 5: "occurred from",
  6: "occurred to", 7: "category", 8: "code", 9: "action", 10: "severity", 11: "outcome",
  12: "purpose of use", 13: "emergency access", 14: "patient", 15: "encounter", 16: "based on",
  17: "agent", 18: "source", 19: "entity", 20: "correlation", 21: "records affected",
  22: "security label", 23: "profile", 24: "extension", 25: "native record" };
const SUBNAMES = {
  13: { 1: "phase", 2: "reason", 3: "justification", 4: "override id", 5: "expires" },
  14: { 1: "reference", 2: "type", 3: "identifier", 4: "display" },
  17: { 1: "type", 2: "role", 3: "who", 4: "alternative id", 5: "name", 6: "requestor",
    7: "location", 8: "policy", 9: "media", 10: "network", 11: "purpose", 12: "on behalf of",
    13: "kind", 14: "organization", 15: "department", 16: "authentication", 17: "user agent",
    18: "other ids", 19: "assurance", 20: "extension" },
  18: { 1: "observer", 2: "site", 3: "type", 4: "software", 5: "version", 6: "host", 7: "process",
    8: "stream", 9: "sequence" },
  19: { 1: "what", 2: "type", 3: "role", 4: "lifecycle", 5: "security label", 6: "name",
    7: "description", 8: "query", 9: "detail", 10: "agent", 11: "records", 12: "content digest",
    13: "change", 14: "DICOM", 15: "extension" },
  25: { 1: "format", 2: "version", 3: "content", 4: "digest", 5: "size", 6: "redacted",
    7: "transport" },
};

export function unitName([field, occurrence, subfield]) {
  const name = NAMES[field] ?? `field ${field}`;
  const which = occurrence > 0 || [14, 17, 19].includes(field) ? ` ${occurrence + 1}` : "";
  return subfield === 0 ? `${name}${which}`
    : `${name}${which}: ${SUBNAMES[field]?.[subfield] ?? `field ${subfield}`}`;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const words = (bytes) => decoder.decode(bytes);

// Field values of a message; what does not parse says nothing, and throws nothing.
function fields(bytes) {
  const found = {};
  try {
    for (const { number, value } of records(bytes)) (found[number] ??= []).push(value);
  } catch {
    return {};
  }
  return found;
}
const message = (value) => (value instanceof Uint8Array ? fields(value) : {});
const string = (value) => (value instanceof Uint8Array ? words(value) : "");
const number = (value) => (typeof value === "bigint" ? value : 0n);

function coding(value) {
  const { 1: [system] = [], 3: [code] = [], 4: [display] = [] } = message(value);
  return string(display) || string(code) || string(system);
}

function concept(value) {
  const { 1: codings = [], 2: [plain] = [] } = message(value);
  return string(plain) || codings.map(coding).find((text) => text !== "") || "";
}

function reference(value) {
  const { 1: [literal] = [], 3: [identifier] = [], 4: [display] = [] } = message(value);
  const { 4: [id] = [] } = message(identifier);
  return { id: string(id) || string(literal), display: string(display) };
}

// Time: {us, offset in minutes or null}
function time(value) {
  const { 1: [at] = [], 2: [zone] = [] } = message(value);
  const { 1: [seconds] = [], 2: [nanos] = [] } = message(at);
  const offset = typeof zone === "bigint" ? Number((zone >> 1n) ^ -(zone & 1n)) : null;
  return { us: number(seconds) * 1000000n + number(nanos) / 1000n, offset };
}

// {field: [element of {subfield: [values]}]} of what is shown; a field that is not cut deeper has
// its values as elements.
function shownOf(units) {
  const shown = {};
  for (const { path: [field, occurrence, subfield], rule, bytes } of units) {
    if (rule !== 0) continue;
    const values = fields(bytes);
    if (subfield === 0) {
      (shown[field] ??= []).push(...(values[field] ?? []));
    } else {
      ((shown[field] ??= [])[occurrence] ??= {})[subfield] = values[subfield] ?? [];
    }
  }
  return shown;
}

// Everything the page shows of an entry. A part that is withheld is {rule}; absent is "".
export function describe(entry) {
  const shown = shownOf(entry.units);
  const hidden = (field, subfield) => entry.units.find(({ path, rule }) => rule !== 0
    && path[0] === field && (subfield === undefined || path[2] === subfield))?.rule;
  const part = (text, field, subfield) => {
    const rule = text === "" ? hidden(field, subfield) : undefined;
    return rule ? { rule } : text;
  };
  const agents = (shown[17] ?? []).filter(Boolean);
  const agent = agents.find((a) => number(a[6]?.[0]) === 1n) ?? agents[0] ?? {};
  const who = reference(agent[3]?.[0]);
  const override = shown[13]?.[0] ?? {};
  return {
    at: shown[4]?.[0] ? time(shown[4][0]) : null,
    user: part(string(agent[5]?.[0]) || who.display || who.id, 17, 3),
    userId: part(who.id, 17, 3),
    role: part((agent[2] ?? []).map(concept).filter(Boolean).join(", "), 17, 2),
    department: part(string(agent[15]?.[0]), 17, 15),
    organization: part(reference(agent[14]?.[0]).id, 17, 14),
    address: part(string(message(agent[10]?.[0])[1]?.[0]), 17, 10),
    action: part(ACTIONS[Number(number(shown[9]?.[0]))] ?? "unknown", 9),
    what: part([...(shown[19] ?? [])].filter(Boolean).map((e) => string(e[6]?.[0])
      || reference(e[1]?.[0]).id).filter(Boolean).join(", "), 19),
    code: part([...(shown[8] ?? []), ...(shown[7] ?? [])].map(concept).filter(Boolean)[0] ?? "", 8),
    purpose: part((shown[12] ?? []).map(concept).filter(Boolean).join(", "), 12),
    patient: part((shown[14] ?? []).filter(Boolean).map((p) => string(message(p[3]?.[0])[4]?.[0])
      || identifierOf(p) || string(p[1]?.[0])).filter(Boolean).join(", "), 14),
    outcome: part(OUTCOMES[Number(number(message(shown[11]?.[0])[1]?.[0]))] ?? "unknown", 11),
    override: shown[13] || hidden(13)
      ? part([PHASES[Number(number(override[1]?.[0]))], string(override[3]?.[0])]
        .filter(Boolean).join(": ") || "yes", 13) : "",
  };
}

function identifierOf(patient) {
  return string(message(patient[3]?.[0])[4]?.[0]);
}
