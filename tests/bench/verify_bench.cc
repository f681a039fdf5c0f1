// How fast a whole log is verified offline: leaves, tiles and, where they are, payloads and tags.
//
//   verify_bench [--entries 100000] [--folder DIR] [--rounds 3]
//
// For events of 300 and of 1,200 bytes, as auditledger-load sends them, an export is made with
// merkle/ and verifier/ alone and verified from the page cache: with all payloads opened and tags
// derived, on one thread and on all, then with the payloads away. The first figure is of CPU time,
// which other work on the host leaves alone; "blocks" are what hashing alone would take of it.
#include <stdlib.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "merkle/units.h"
#include "tests/testing/test_log.h"
#include "tools/load_events.h"
#include "tools/load_plan.h"
#include "verifier/export_dir.h"
#include "verifier/log_audit.h"

namespace auditledger {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "verify_bench: " << what << '\n';
  exit(1);
}

void Need(const absl::Status& status) {
  if (!status.ok()) Fail(status.ToString());
}

double CpuSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Exports a log of `entries` events and returns its key.
Pin MakeExport(const std::string& dir, uint64_t entries, size_t event_bytes) {
  const absl::StatusOr<LoadEvents> events =
      LoadEvents::Make({.event_bytes = event_bytes, .run = 1, .recorded_unix_s = 1'760'000'000});
  Need(events.status());
  absl::StatusOr<std::unique_ptr<ExportWriter>> out = ExportWriter::Open(dir);
  Need(out.status());
  testing::TestLog log;
  size_t units = 0;
  for (uint64_t i = 0; i < entries; ++i) {
    if (i > 0) {
      std::string event;
      events->AppendEvent(event, 0, i);
      if (i == 1) units = CutUnits(event).value().size();
      log.AddEvent(event);
    }
    Need((*out)->Append(log.leaves().back(), std::move(log.openings().back())));
    log.openings().back().reset();  // only the export is needed
  }
  Need((*out)->Finish(log.CheckpointAt(log.size())));
  std::printf("%llu events of %zu bytes and %zu units\n", static_cast<unsigned long long>(entries),
              event_bytes, units);
  return {log.origin(), log.verifier()};
}

void Measure(const char* what, const std::string& dir, const Pin& pin, uint64_t entries,
             bool with_key, unsigned threads) {
  LogInput input;
  input.dir = dir;
  input.threads = threads;
  if (with_key) input.index_key = testing::TestLog().index_key();
  const double cpu = CpuSeconds();
  const int64_t began_ns = LoadNow();
  const Verdict verdict = VerifyLog(input, pin, {});
  const double seconds = static_cast<double>(LoadNow() - began_ns) * 1e-9;
  const double cpu_seconds = CpuSeconds() - cpu;
  if (verdict.outcome != Outcome::kVerified) {
    Fail(verdict.reasons.empty() ? "not verified" : verdict.reasons.front());
  }
  const auto count = static_cast<double>(entries);
  std::printf(
      "  %-22s %2u thread%s %6.2f us of CPU an entry: %8.0f/s a core; %8.0f/s by the clock\n", what,
      threads, threads == 1 ? ": " : "s:", cpu_seconds / count * 1e6, count / cpu_seconds,
      count / seconds);
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  using namespace auditledger;  // NOLINT: a program
  CLI::App app{"How fast an exported log is verified."};
  uint64_t entries = 100'000;
  int rounds = 3;
  std::string base = fs::temp_directory_path().string();
  app.add_option("--entries", entries)->capture_default_str();
  app.add_option("--rounds", rounds)->capture_default_str();
  app.add_option("--folder", base, "where the exports are made")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const unsigned all = std::max(1u, std::thread::hardware_concurrency());
  for (const size_t event_bytes : {300, 1200}) {
    std::string name = absl::StrCat(base, "/verify_bench.XXXXXX");
    const std::string dir = ::mkdtemp(name.data());
    const Pin pin = MakeExport(dir, entries, event_bytes);
    for (int round = 0; round < rounds; ++round) {
      Measure("payloads and tags", dir, pin, entries, true, 1);
      if (all > 1) Measure("payloads and tags", dir, pin, entries, true, all);
    }
    fs::remove_all(dir + "/payload");
    for (int round = 0; round < rounds; ++round) {
      Measure("leaves and tiles", dir, pin, entries, false, 1);
      if (all > 1) Measure("leaves and tiles", dir, pin, entries, false, all);
    }
    fs::remove_all(dir);
  }
  return 0;
}
