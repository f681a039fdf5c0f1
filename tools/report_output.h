// A report's table in the forms it is given away in.
//
//   HTML   one file, nothing outside it, for print too
//   CSV    RFC 4180; the columns' names first, nothing but the rows. A cell that a spreadsheet
//   would
//          take for a formula begins with an apostrophe
//   JSON   {title, about {}, columns [], rows [[]], totals [[name, value]], notes []}
//   FHIR   a Bundle of AuditEvents, R4: the events that the report is about (report_maker.h)
//
// Example: out = ReportHtml(about, table);
//
// Thread-safety: pure functions. Text of events is escaped; bytes that are no UTF-8 are replaced.
#ifndef AUDITLEDGER_TOOLS_REPORT_OUTPUT_H_
#define AUDITLEDGER_TOOLS_REPORT_OUTPUT_H_

#include <string>
#include <utility>
#include <vector>

#include "tools/report.h"

namespace auditledger {

// What the report was made of: the log, its head, the verdict, what is withheld.
using ReportAbout = std::vector<std::pair<std::string, std::string>>;

std::string ReportHtml(const ReportAbout& about, const ReportTable& table);
std::string ReportCsv(const ReportTable& table);
std::string ReportJson(const ReportAbout& about, const ReportTable& table);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_REPORT_OUTPUT_H_
