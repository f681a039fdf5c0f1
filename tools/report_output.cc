#include "tools/report_output.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/substitute.h"

namespace auditledger {
namespace {

using nlohmann::ordered_json;

// No script, no address outside: what an event says cannot act.
constexpr char kPage[] = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$0</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left;
  vertical-align: top; overflow-wrap: break-word; min-width: 4.5rem; max-width: 20rem; }
thead th { background: var(--soft); white-space: nowrap; }
tbody tr:nth-child(even) { background: var(--soft); }
@media print { body { margin: 0; max-width: none; font-size: 9pt; }
  thead { display: table-header-group; } tr { break-inside: avoid; } .scroll { overflow: visible; }
  @page { size: A4 landscape; margin: 12mm; } }
</style></head><body>
<h1>$0</h1>
$1
)";

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string List(const ReportAbout& pairs) {
  std::string out = "<dl>\n";
  for (const auto& [name, value] : pairs) {
    absl::StrAppend(&out, "<dt>", Escaped(name), "</dt><dd>", Escaped(value), "</dd>\n");
  }
  return out + "</dl>\n";
}

void AppendRow(const std::vector<std::string>& cells, absl::string_view open,
               absl::string_view close, std::string& out) {
  out += "<tr>";
  for (const std::string& cell : cells) absl::StrAppend(&out, open, Escaped(cell), close);
  out += "</tr>\n";
}

std::string CsvCell(const std::string& cell) {
  const bool formula =
      !cell.empty() && absl::string_view("=+-@\t\r").find(cell[0]) != absl::string_view::npos;
  const std::string text = absl::StrCat(formula ? "'" : "", cell);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

void AppendCsv(const std::vector<std::string>& cells, std::string& out) {
  for (size_t i = 0; i < cells.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "" : ",", CsvCell(cells[i]));
  }
  out += "\r\n";
}

ordered_json Object(const ReportAbout& pairs) {
  ordered_json out = ordered_json::object();
  for (const auto& [name, value] : pairs) out[name] = value;
  return out;
}

}  // namespace

std::string ReportHtml(const ReportAbout& about, const ReportTable& table) {
  std::string out = absl::Substitute(kPage, Escaped(table.title), List(about));
  absl::StrAppend(&out, "<h2>In all</h2>\n", List(table.totals));
  absl::StrAppend(&out, "<h2>Rows: ", table.rows.size(),
                  "</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                  "aria-label=\"Rows\"><table><thead>\n");
  AppendRow(table.columns, "<th scope=\"col\">", "</th>", out);
  out += "</thead><tbody>\n";
  for (const std::vector<std::string>& row : table.rows) AppendRow(row, "<td>", "</td>", out);
  out += "</tbody></table></div>\n";
  for (const std::string& note : table.notes) absl::StrAppend(&out, "<p>", Escaped(note), "</p>\n");
  return out + "</body></html>\n";
}

std::string ReportCsv(const ReportTable& table) {
  std::string out;
  AppendCsv(table.columns, out);
  for (const std::vector<std::string>& row : table.rows) AppendCsv(row, out);
  return out;
}

std::string ReportJson(const ReportAbout& about, const ReportTable& table) {
  const ordered_json out = {{"title", table.title},     {"about", Object(about)},
                            {"columns", table.columns}, {"rows", table.rows},
                            {"totals", table.totals},   {"notes", table.notes}};
  return out.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace auditledger
