// The complete answers in a bundle (verifier/bundle_answers.h): the n-th for the n-th tag of the
// query, each cut into parts that follow each other.
import { Malformed, check, concat, unhex } from "./bytes.mjs";
import { MAX_ANSWER, NO_END, parseAnswer, proveAnswer } from "./answer.mjs";

export const ANSWER_TYPE = "auditledger/complete-answer/v1";

// {count, wrong, unknown, completeSize, entries, indexHeads, rows}: `wrong` says why the first that
// is refused is, `completeSize` below what index no entry with the tags is left out, `rows` what
// each answer rests on.
export async function checkAnswers({ completeness, scope: { query }, head }) {
  const found = { count: 0, wrong: "", unknown: "", completeSize: 0, entries: [], indexHeads: [],
    rows: [] };
  try {
    for (const bytes of joined(completeness, found)) {
      found.rows.push(await proven(bytes, query, head, found.count));
      found.count++;
    }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { ...found, rows: [], entries: [], indexHeads: [],
      wrong: `answer ${found.count + 1} is refused: ${error.message}` };
  }
  const { rows, count } = found;
  const all = (of) => [...new Set(rows.flatMap(of))].sort((a, b) => a - b);
  found.entries = all((row) => row.entries);
  found.indexHeads = all((row) => (row.indexHead ? [row.indexHead.index] : []));
  if (count > 0 && count === query.tags?.length) {
    found.completeSize = Math.min(...rows.map((row) => row.completeSize));
  }
  return found;
}

async function proven(bytes, query, head, number) {
  check(query.kind === "tag" && number < query.tags.length, "it is for no tag that was asked for");
  return proveAnswer(parseAnswer(bytes), head, { tag: unhex(query.tags[number]),
    from: BigInt(query.from_us), to: query.to_us === 0 ? NO_END : BigInt(query.to_us) });
}

// Each answer's bytes, put together.
function* joined(records, found) {
  let parts = null;
  for (const { type, bytes } of records) {
    if (type !== ANSWER_TYPE) {
      found.unknown ||= type;
      check(parts === null, "it is cut short");
      continue;
    }
    check(bytes.length > 0 && bytes[0] <= 1, "a part of it is not well formed");
    parts = [...parts ?? [], bytes.subarray(1)];
    check(parts.reduce((size, part) => size + part.length, 0) <= MAX_ANSWER,
      `it has over ${MAX_ANSWER} bytes`);
    if (bytes[0] === 1) continue;
    yield concat(parts);
    parts = null;
  }
  check(parts === null, "it is cut short");
}
