// How a ledger grows: start, memory, proofs and bytes on disk at each of the sizes given.
//
//   scale_bench [--event-bytes 300] [--distinct-tags] [--folder DIR] ENTRIES...
//
// The default is 100000 1000000. The load's few patients and members of staff have tags that tables
// hold once for many entries; with --distinct-tags each tag is its own, as if nobody came twice.
//
// For each size a ledger is filled, closed, and opened in a process of its own, which also takes
// proofs at random: inclusion of any index in any larger tree, consistency of any two sizes. Then
// the database is compacted and its files, with the secrets', are counted. "gap" is the longest
// time between two commits' answers while the ledger was filled as fast as it goes: the stall of
// an emitter.
//
// Exits 1 unless every size starts within a second, its proofs' p99 is under 2 ms of CPU (by the
// clock it is only printed: on a busy host that is the scheduler's), and an event takes at most
// 350 bytes beyond its own.
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ledger/ledger.h"
#include "ledger/leveldb_engine.h"
#include "leveldb/db.h"
#include "tests/bench/ledger_filler.h"
#include "tools/load_histogram.h"
#include "tools/load_plan.h"
#include "tools/load_proc.h"

namespace auditledger {
namespace {

constexpr double kMaxOpenSeconds = 1.0;
constexpr double kMaxProofMs = 2.0;
constexpr double kMaxBytesBeyondEvent = 350;
constexpr int kProofs = 20'000;

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "scale_bench: " << what << '\n';
  exit(1);
}

LedgerOptions OptionsIn(const std::string& folder) {
  LedgerOptions options;
  options.origin = "bench.example.org/scale";
  options.paths = {folder + "/data", folder + "/state", folder + "/keys", folder + "/seeds"};
  return options;
}

void Write(const std::string& folder, uint64_t entries, size_t event_bytes, bool distinct_tags) {
  std::filesystem::create_directories(folder);
  auto ledger = Ledger::Create(OptionsIn(folder));
  if (!ledger.ok()) Fail(ledger.status().ToString());
  const int64_t begin_ns = LoadNow();
  LedgerFiller filler(**ledger, event_bytes, distinct_tags);
  filler.Fill(entries);
  const double seconds = static_cast<double>(LoadNow() - begin_ns) * 1e-9;
  std::printf("%10llu entries: filled at %.0f/s by one thread, longest gap %.0f ms\n",
              static_cast<unsigned long long>(entries), static_cast<double>(entries) / seconds,
              static_cast<double>(filler.longest_gap_ns()) * 1e-6);
  (*ledger)->Drain();
}

// By the clock on the wall, and by this thread's CPU time, which other work on the host leaves
// alone.
struct Times {
  LoadHistogram wall;
  LoadHistogram cpu;
};

int64_t CpuNs() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

template <typename Take>
Times Time(Take take) {
  Times times;
  for (int i = 0; i < kProofs; ++i) {
    const int64_t begin_ns = LoadNow();
    const int64_t begin_cpu_ns = CpuNs();
    const auto proof = take();
    times.cpu.Record(static_cast<uint64_t>(CpuNs() - begin_cpu_ns));
    times.wall.Record(static_cast<uint64_t>(LoadNow() - begin_ns));
    if (!proof.ok()) Fail(proof.status().ToString());
  }
  return times;
}

double Us(const LoadHistogram& times, double share) {
  return static_cast<double>(times.Percentile(share)) * 1e-3;
}

void PrintTimes(const char* what, const Times& times) {
  std::printf("           %s: p50 %.0f, p99 %.0f, max %.0f us; of CPU p50 %.0f, p99 %.0f us\n",
              what, Us(times.wall, 0.5), Us(times.wall, 0.99), Us(times.wall, 1),
              Us(times.cpu, 0.5), Us(times.cpu, 0.99));
}

// The child: exits 1 when a bound is missed.
int OpenAndProve(const std::string& folder) {
  const int64_t begin_ns = LoadNow();
  auto ledger = Ledger::Open(OptionsIn(folder));
  const double seconds = static_cast<double>(LoadNow() - begin_ns) * 1e-9;
  if (!ledger.ok()) Fail(ledger.status().ToString());
  const double mib = static_cast<double>(OwnUse().resident_bytes) / 1048576;
  std::printf("           open %.3f s, resident %.1f MiB\n", seconds, mib);
  const uint64_t size = (*ledger)->head()->head.size;
  std::mt19937_64 random(1);
  const Times inclusion = Time([&] {
    const uint64_t tree = 1 + random() % size;
    return (*ledger)->Inclusion(random() % tree, tree);
  });
  const Times consistency = Time([&] {
    const uint64_t newer = 1 + random() % size;
    return (*ledger)->Consistency(1 + random() % newer, newer);
  });
  PrintTimes("inclusion", inclusion);
  PrintTimes("consistency", consistency);
  const double worst_ms = std::max(Us(inclusion.cpu, 0.99), Us(consistency.cpu, 0.99)) * 1e-3;
  return seconds < kMaxOpenSeconds && worst_ms < kMaxProofMs ? 0 : 1;
}

double CompactedBytes(const std::string& folder) {
  leveldb::Options options;
  SetTableOptions(options);
  leveldb::DB* opened = nullptr;
  const leveldb::Status status = leveldb::DB::Open(options, folder + "/data/log", &opened);
  if (!status.ok()) Fail(status.ToString());
  std::unique_ptr<leveldb::DB> db(opened);
  db->CompactRange(nullptr, nullptr);
  db.reset();
  uint64_t bytes = 0;
  for (const char* part : {"/data", "/seeds"}) {
    const absl::StatusOr<uint64_t> found = FolderBytes(folder + part);
    if (!found.ok()) Fail(found.status().ToString());
    bytes += *found;
  }
  return static_cast<double>(bytes);
}

bool Measure(const std::string& program, const std::string& base, uint64_t entries,
             size_t event_bytes, bool distinct_tags) {
  const std::string folder = absl::StrCat(base, "/scale_bench.", getpid());
  Write(folder, entries, event_bytes, distinct_tags);
  std::fflush(stdout);
  const bool child = system(absl::StrCat("'", program, "' --open '", folder, "'").c_str()) == 0;
  const double each = CompactedBytes(folder) / static_cast<double>(entries);
  const double beyond = each - static_cast<double>(event_bytes);
  std::filesystem::remove_all(folder);
  const bool good = child && beyond <= kMaxBytesBeyondEvent;
  std::printf("           %.0f bytes an event after compaction, %.0f beyond its own %zu: %s\n",
              each, beyond, event_bytes, good ? "PASS" : "FAIL");
  return good;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  CLI::App app{"Start, memory, proofs and bytes of ledgers of several sizes."};
  std::vector<uint64_t> sizes = {100'000, 1'000'000};
  size_t event_bytes = 300;
  bool distinct_tags = false;
  std::string folder = ".";
  std::string open;
  app.add_option("entries", sizes, "sizes");
  app.add_option("--event-bytes", event_bytes)->capture_default_str();
  app.add_flag("--distinct-tags", distinct_tags, "every tag its own");
  app.add_option("--folder", folder, "where the ledgers are made")->capture_default_str();
  app.add_option("--open", open, "used by itself: open, prove, tell");
  CLI11_PARSE(app, argc, argv);
  if (!open.empty()) return auditledger::OpenAndProve(open);
  bool good = true;
  for (const uint64_t entries : sizes) {
    good = auditledger::Measure(argv[0], folder, entries, event_bytes, distinct_tags) && good;
  }
  return good ? 0 : 1;
}
