// How fast fsck re-derives a ledger on one core: without payloads, with them stored, and opened.
//
// Each figure stands beside a calibrator of the same run, the hashing of as many leaves and nodes
// alone, since hosts have two speeds: the ratio is what can be compared.
//
//   fsck_bench [ENTRIES] [FOLDER]    default 500,000, in a folder that is removed; a FOLDER is
//   kept,
//                                    and not written again when it is there
#include <stdlib.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ledger/fsck.h"
#include "ledger/ledger.h"
#include "merkle/frontier.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

constexpr uint64_t kBatch = 1000;
constexpr size_t kEventBytes = 300;
constexpr size_t kLeafBytes = 150;  // an event's, with two tags

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "fsck_bench: " << what << '\n';
  exit(1);
}

LedgerOptions OptionsIn(const std::string& folder) {
  LedgerOptions options;
  options.origin = "bench.example.org/fsck";
  options.paths = {folder + "/data", folder + "/state", folder + "/keys", folder + "/seeds"};
  return options;
}

SealedEvent MakeEvent(Ledger& ledger, uint64_t number) {
  SealInput input;
  input.event_id = absl::StrCat("event-", number);
  for (const auto& [field, bytes] :
       {std::pair<uint32_t, std::string>{1, input.event_id}, {5, std::string(kEventBytes, 'x')}}) {
    PutLengthDelimitedPrefix(input.event, field, bytes.size());
    input.event += bytes;
  }
  input.principal = "spiffe://bench/emitter";
  input.received_at_us = ledger.clock().WallMicros();
  absl::StatusOr<SealedEvent> event = ledger.sealer().Seal(std::move(input));
  if (!event.ok()) Fail(event.status().ToString());
  return *std::move(event);
}

void Write(const std::string& folder, uint64_t entries) {
  std::filesystem::create_directories(folder);
  auto ledger = Ledger::Create(OptionsIn(folder));
  if (!ledger.ok()) Fail(ledger.status().ToString());
  std::mutex mutex;
  std::condition_variable changed;
  int under_way = 0;
  for (uint64_t next = 1; next < entries;) {
    std::vector<SealedEvent> events;
    while (next < entries && events.size() < kBatch) events.push_back(MakeEvent(**ledger, next++));
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return under_way < 4; });
    ++under_way;
    lock.unlock();
    (*ledger)->Append(std::move(events), [&](const absl::StatusOr<AppendOutcome>& outcome) {
      if (!outcome.ok()) Fail(outcome.status().ToString());
      const std::lock_guard guard(mutex);
      --under_way;
      changed.notify_one();
    });
  }
  (*ledger)->Drain();
}

double CpuSeconds() {
  timespec now = {};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Leaves a second that hashing alone would do, of CPU time.
double Calibrate(uint64_t leaves) {
  const std::string leaf(kLeafBytes, 'l');
  const double start = CpuSeconds();
  Frontier frontier;
  for (uint64_t i = 0; i < leaves; ++i) frontier.Append(LeafHash(leaf));
  if (frontier.Root() == EmptyRoot()) Fail("no root");
  return static_cast<double>(leaves) / (CpuSeconds() - start);
}

void Measure(const char* what, const FsckOptions& options) {
  const double hashing = Calibrate(200'000);
  const auto started = std::chrono::steady_clock::now();
  const double cpu = CpuSeconds();
  const absl::StatusOr<FsckReport> report = Fsck(options);
  const double cpu_took = CpuSeconds() - cpu;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  if (!report.ok()) Fail(report.status().ToString());
  if (report->findings_total > 0) Fail(report->findings.front().what);
  const auto entries = static_cast<double>(report->entries);
  std::printf("%-20s %9.0f leaves/s of CPU  %9.0f of wall  hashing alone %9.0f  ratio %.2f\n", what,
              entries / cpu_took, entries / took.count(), hashing, entries / cpu_took / hashing);
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  using namespace auditledger;  // NOLINT: a program
  uint64_t entries = 500'000;
  if (argc > 1 && !absl::SimpleAtoi(argv[1], &entries)) Fail("ENTRIES is not a number");
  std::string name = (std::filesystem::temp_directory_path() / "fsck-bench-XXXXXX").string();
  const bool keep = argc > 2;
  const std::string folder = keep ? argv[2] : ::mkdtemp(name.data());
  if (!std::filesystem::exists(folder + "/data")) Write(folder, entries);
  const LedgerPaths paths = OptionsIn(folder).paths;
  for (int round = 0; round < 3; ++round) {
    FsckOptions options;
    options.origin = OptionsIn(folder).origin;
    options.paths = paths;
    options.skip_payloads = true;
    Measure("without payloads", options);
    options.skip_payloads = false;
    options.paths.seed_dir = options.paths.key_dir = "";
    Measure("payloads stored", options);
    options.paths = paths;
    Measure("payloads opened", options);
  }
  if (!keep) std::filesystem::remove_all(folder);
  return 0;
}
