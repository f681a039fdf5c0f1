// How long a ledger takes to open, and what it holds in memory, at 65,000 and at 1,048,040 entries.
//
// A gate, not only a figure: exits 1 unless the large ledger opens in under a second and needs less
// than 16 MiB more than the small one. Both sizes lie 15 runs of identities (of 65,536 entries)
// apart, so that the same number of identities, almost a whole run, stands in memory: what differs
// is what grows with the log. Each is opened in a process of its own, so that neither sees
// what the other, or the writing, left in memory; and twice: the first opening replays what
// LevelDB's log happened to hold when writing ended (up to a write buffer, by chance little or
// much, whatever the ledger's size), and the second, whose memory is compared, finds none. The
// slower of the two counts.
//
//   restart_bench [SMALL LARGE]     writes and measures both; `restart_bench --open DIR` is the
//   child
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ledger/ledger.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

constexpr double kMaxSeconds = 1.0;
constexpr int64_t kMaxGrowthKiB = 16 << 10;
constexpr uint64_t kBatch = 4096;  // LedgerLimits::max_commit_entries
// Batches under way: the next is sealed while the committer writes the last.
constexpr int kMaxUnderWay = 2;

[[noreturn]] void Fail(const std::string& what) {
  std::cerr << "restart_bench: " << what << '\n';
  exit(1);
}

LedgerOptions OptionsIn(const std::string& folder) {
  LedgerOptions options;
  options.origin = "bench.example.org/restart";
  options.paths = {folder + "/data", folder + "/state", folder + "/keys", folder + "/seeds"};
  return options;
}

SealedEvent MakeEvent(Ledger& ledger, uint64_t number) {
  SealInput input;
  input.event_id = absl::StrCat("event-", number);
  for (const auto& [field, bytes] :
       {std::pair<uint32_t, std::string>{1, input.event_id}, {5, "read"}}) {
    PutLengthDelimitedPrefix(input.event, field, bytes.size());
    input.event += bytes;
  }
  input.principal = "spiffe://bench/emitter";
  input.stream_id = "stream";
  input.stream_sequence = number + 1;
  input.received_at_us = ledger.clock().WallMicros();
  absl::StatusOr<SealedEvent> event = ledger.sealer().Seal(std::move(input));
  if (!event.ok()) Fail(event.status().ToString());
  return *std::move(event);
}

// Appends without waiting for each answer, bounded.
class Writer {
 public:
  explicit Writer(Ledger& ledger) : ledger_(ledger) {}

  void Append(std::vector<SealedEvent> events) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ < kMaxUnderWay; });
    ++under_way_;
    lock.unlock();
    ledger_.Append(std::move(events), [this](absl::StatusOr<AppendOutcome> outcome) {
      if (!outcome.ok()) Fail(outcome.status().ToString());
      std::lock_guard guard(mutex_);
      --under_way_;
      changed_.notify_one();
    });
  }

  void Finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ == 0; });
  }

 private:
  Ledger& ledger_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int under_way_ = 0;
};

void WriteLedger(const std::string& folder, uint64_t entries) {
  const auto started = std::chrono::steady_clock::now();
  std::filesystem::create_directories(folder);
  auto ledger = Ledger::Create(OptionsIn(folder));
  if (!ledger.ok()) Fail(ledger.status().ToString());
  Writer writer(**ledger);
  for (uint64_t next = 0; next < entries;) {
    std::vector<SealedEvent> events;
    while (next < entries && events.size() < kBatch) events.push_back(MakeEvent(**ledger, next++));
    writer.Append(std::move(events));
  }
  writer.Finish();
  (*ledger)->Drain();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  std::printf("wrote %llu entries in %.1f s\n", static_cast<unsigned long long>(entries),
              took.count());
}

int64_t ResidentKiB() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    int64_t kib = 0;
    if (std::sscanf(line.c_str(), "VmRSS: %ld", &kib) == 1) return kib;
  }
  Fail("no VmRSS");
}

struct Opened {
  double seconds = 0;
  int64_t resident_kib = 0;
  uint64_t size = 0;
};

int OpenAndPrint(const std::string& folder) {
  const auto started = std::chrono::steady_clock::now();
  auto ledger = Ledger::Open(OptionsIn(folder));
  if (!ledger.ok()) Fail(ledger.status().ToString());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  std::printf("%f %ld %llu\n", took.count(), ResidentKiB(),
              static_cast<unsigned long long>((*ledger)->head()->head.size));
  return 0;
}

Opened OpenInChild(const std::string& program, const std::string& folder) {
  FILE* child = popen(absl::StrCat("'", program, "' --open '", folder, "'").c_str(), "r");
  Opened opened;
  unsigned long long size = 0;
  const bool read = child != nullptr && std::fscanf(child, "%lf %ld %llu", &opened.seconds,
                                                    &opened.resident_kib, &size) == 3;
  if (child == nullptr || pclose(child) != 0 || !read) Fail("the child did not open " + folder);
  opened.size = size;
  std::printf("opened %llu entries in %.3f s, resident %.1f MiB\n", size, opened.seconds,
              static_cast<double>(opened.resident_kib) / 1024);
  return opened;
}

int Measure(const std::string& program, uint64_t small, uint64_t large) {
  const std::string folder = absl::StrCat("restart_bench.", getpid());
  WriteLedger(folder + "/small", small);
  WriteLedger(folder + "/large", large);
  OpenInChild(program, folder + "/small");
  const Opened replayed = OpenInChild(program, folder + "/large");
  const Opened few = OpenInChild(program, folder + "/small");
  const Opened many = OpenInChild(program, folder + "/large");
  std::filesystem::remove_all(folder);
  if (few.size != small + 1 || many.size != large + 1) Fail("the heads have another size");
  const double seconds = std::max(replayed.seconds, many.seconds);
  const int64_t growth = many.resident_kib - few.resident_kib;
  const bool good = seconds < kMaxSeconds && growth < kMaxGrowthKiB;
  std::printf("%s: %.3f s (limit %.1f), growth %.1f MiB (limit %.1f)\n", good ? "PASS" : "FAIL",
              seconds, kMaxSeconds, static_cast<double>(growth) / 1024,
              static_cast<double>(kMaxGrowthKiB) / 1024);
  return good ? 0 : 1;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc == 3 && std::string(argv[1]) == "--open") return auditledger::OpenAndPrint(argv[2]);
  uint64_t small = 65'000;
  uint64_t large = small + 15 * auditledger::LedgerLimits().identity_run_entries;
  if (argc != 1 &&
      (argc != 3 || !absl::SimpleAtoi(argv[1], &small) || !absl::SimpleAtoi(argv[2], &large))) {
    auditledger::Fail("usage: restart_bench [SMALL LARGE]");
  }
  return auditledger::Measure(argv[0], small, large);
}
