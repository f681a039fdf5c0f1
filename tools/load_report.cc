#include "tools/load_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace auditledger {
namespace {

using Json = nlohmann::ordered_json;

double Ms(uint64_t ns) { return static_cast<double>(ns) * 1e-6; }

double PerEvent(double sum, uint64_t events) {
  return events == 0 ? 0 : sum / static_cast<double>(events);
}

const char* ModeName(LoadPlan::Mode mode) {
  switch (mode) {
    case LoadPlan::Mode::kUnary:
      return "unary";
    case LoadPlan::Mode::kBatch:
      return "batch";
    case LoadPlan::Mode::kStream:
      return "stream";
  }
  return "";
}

std::string What(const LoadReport& report) {
  const LoadPlan& plan = report.plan;
  std::string out = ModeName(plan.mode);
  if (plan.mode == LoadPlan::Mode::kBatch) absl::StrAppend(&out, " of ", plan.batch);
  if (plan.mode == LoadPlan::Mode::kStream) {
    absl::StrAppend(&out, ", ", plan.per_message, " a message, window ", plan.window);
  }
  if (plan.rate > 0) {
    absl::StrAppend(&out, ", open loop at ", absl::StrFormat("%.0f", plan.rate), " events/s");
  } else {
    absl::StrAppend(&out, ", ", plan.callers, plan.callers == 1 ? " caller" : " callers");
  }
  return absl::StrCat(out, ", events of ", report.event_bytes, " bytes");
}

Json LatencyJson(const LoadHistogram& latency) {
  return {{"p50_ms", Ms(latency.Percentile(0.5))},
          {"p90_ms", Ms(latency.Percentile(0.9))},
          {"p99_ms", Ms(latency.Percentile(0.99))},
          {"p999_ms", Ms(latency.Percentile(0.999))},
          {"max_ms", Ms(latency.Max())},
          {"count", latency.Count()}};
}

std::string LatencyText(const LoadHistogram& latency) {
  return absl::StrFormat("p50 %.3f, p90 %.3f, p99 %.3f, p99.9 %.3f, max %.3f ms",
                         Ms(latency.Percentile(0.5)), Ms(latency.Percentile(0.9)),
                         Ms(latency.Percentile(0.99)), Ms(latency.Percentile(0.999)),
                         Ms(latency.Max()));
}

std::string RefusalsText(const LoadTally& tally) {
  std::string out;
  for (const auto& [name, refused] : tally.refusals) {
    absl::StrAppend(&out, "refused     ", refused.events, " events with ", name, ", ");
    if (refused.with_hint == 0) {
      absl::StrAppend(&out, "without a hint\n");
      continue;
    }
    absl::StrAppend(&out, refused.with_hint, " with a hint to retry, ",
                    refused.hint_ms_sum / refused.with_hint, " ms on average, at most ",
                    refused.hint_ms_max, "\n");
  }
  if (tally.refusal_latency.Count() > 0) {
    absl::StrAppend(&out, "refused in  ", LatencyText(tally.refusal_latency), "\n");
  }
  return out;
}

std::string CostText(const LoadReport& report) {
  const uint64_t events = report.tally.events;
  std::string out = absl::StrFormat("CPU         client %.2f us an event",
                                    PerEvent(report.client_cpu_seconds * 1e6, events));
  if (report.verified > 0) {
    absl::StrAppendFormat(&out, " (verifying included: %.2f us a receipt)",
                          PerEvent(report.verify_cpu_seconds * 1e6, report.verified));
  }
  if (report.server_cpu_seconds) {
    absl::StrAppendFormat(&out, ", server %.2f us an event",
                          PerEvent(*report.server_cpu_seconds * 1e6, events));
  }
  absl::StrAppend(&out, "\n");
  if (report.server) {
    absl::StrAppendFormat(&out, "memory      server %.1f MiB resident, %.1f at most\n",
                          static_cast<double>(report.server->resident_bytes) / 1048576,
                          static_cast<double>(report.server->peak_resident_bytes) / 1048576);
  }
  if (report.disk_bytes) {
    absl::StrAppendFormat(&out, "disk        %.0f bytes an event, before compaction\n",
                          PerEvent(*report.disk_bytes, report.tally.events_in_all));
  }
  return out;
}

}  // namespace

nlohmann::ordered_json LoadJson(const LoadReport& report) {
  const LoadTally& tally = report.tally;
  Json out = {{"what", What(report)},
              {"mode", ModeName(report.plan.mode)},
              {"event_bytes", report.event_bytes},
              {"callers", report.plan.callers},
              {"rate", report.plan.rate},
              {"seconds", report.seconds},
              {"events", tally.events},
              {"events_per_second",
               report.seconds > 0 ? static_cast<double>(tally.events) / report.seconds : 0},
              {"latency", LatencyJson(tally.latency)},
              {"verified", report.verified},
              {"verify_us", PerEvent(report.verify_cpu_seconds * 1e6, report.verified)},
              {"request_bytes", PerEvent(static_cast<double>(tally.request_bytes), tally.answers)},
              {"answer_bytes", PerEvent(static_cast<double>(tally.answer_bytes), tally.answers)},
              {"client_us", PerEvent(report.client_cpu_seconds * 1e6, tally.events)},
              {"attempted_events", tally.attempted_events},
              {"unsent_events", tally.unsent_events},
              {"refused_events", tally.RefusedEvents()},
              {"refused_without_hint", tally.RefusedWithoutHint()},
              {"refusal_latency", LatencyJson(tally.refusal_latency)}};
  Json refusals = Json::array();
  for (const auto& [name, refused] : tally.refusals) {
    refusals.push_back({{"what", name},
                        {"events", refused.events},
                        {"with_hint", refused.with_hint},
                        {"hint_ms_max", refused.hint_ms_max}});
  }
  out["refusals"] = refusals;
  if (report.server_cpu_seconds) {
    out["server_us"] = PerEvent(*report.server_cpu_seconds * 1e6, tally.events);
  }
  if (report.server) {
    out["server_resident_bytes"] = report.server->resident_bytes;
    out["server_peak_resident_bytes"] = report.server->peak_resident_bytes;
  }
  if (report.disk_bytes) {
    out["disk_bytes_per_event"] = PerEvent(*report.disk_bytes, tally.events_in_all);
  }
  return out;
}

std::string LoadText(const LoadReport& report) {
  const LoadTally& tally = report.tally;
  std::string out = absl::StrCat("load        ", What(report), "\n");
  absl::StrAppendFormat(&out, "rate        %.0f events/s: %d events in %.1f s\n",
                        report.seconds > 0 ? static_cast<double>(tally.events) / report.seconds : 0,
                        tally.events, report.seconds);
  absl::StrAppend(&out, "latency     ", LatencyText(tally.latency), "\n");
  absl::StrAppend(&out, "receipts    ", report.verified, " verified of ", tally.events_in_all,
                  "\n");
  if (tally.unsent_events > 0) {
    absl::StrAppend(&out, "not sent    ", tally.unsent_events, " of ", tally.attempted_events,
                    " events: ", report.plan.max_outstanding,
                    " calls were under way; their latency is not in the figures above\n");
  }
  absl::StrAppend(&out, RefusalsText(tally), CostText(report));
  return out;
}

}  // namespace auditledger
