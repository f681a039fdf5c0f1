// The summary of a run of the load generator, in words and as one JSON object.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_TOOLS_LOAD_REPORT_H_
#define AUDITLEDGER_TOOLS_LOAD_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/load_plan.h"
#include "tools/load_proc.h"
#include "tools/load_tally.h"

namespace auditledger {

struct LoadReport {
  LoadPlan plan;
  LoadTally tally;
  size_t event_bytes = 0;
  double seconds = 0;  // of the stretch that counts
  uint64_t verified = 0;
  double verify_cpu_seconds = 0;             // in the whole run
  double client_cpu_seconds = 0;             // in the stretch, verifying included
  std::optional<double> server_cpu_seconds;  // in the stretch
  std::optional<ProcessUse> server;          // at its end
  std::optional<double> disk_bytes;          // grown in the whole run
};

nlohmann::ordered_json LoadJson(const LoadReport& report);
std::string LoadText(const LoadReport& report);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_LOAD_REPORT_H_
