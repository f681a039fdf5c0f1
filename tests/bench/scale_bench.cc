// How a ledger grows: start, memory, proofs and bytes on disk at each of the sizes given.
//
//   scale_bench [--event-bytes 300] [--distinct-tags] [--folder DIR] ENTRIES...
//
// The default is 100000 1000000. Past the first thousand, events are sealed again only at the end:
// those between are the first ones under new identities and commitments, which take a log as much
// room and work as others and the bench a third of the time. The load's few patients and members of
// staff have tags that tables hold once for many entries; with --distinct-tags each tag is its own,
// as if nobody came twice.
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
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "auditledger/v1/event.pb.h"
#include "ledger/ledger.h"
#include "ledger/leveldb_engine.h"
#include "leveldb/db.h"
#include "tools/load_events.h"
#include "tools/load_histogram.h"
#include "tools/load_plan.h"
#include "tools/load_proc.h"

namespace auditledger {
namespace {

constexpr double kMaxOpenSeconds = 1.0;
constexpr double kMaxProofMs = 2.0;
constexpr double kMaxBytesBeyondEvent = 350;
constexpr uint64_t kBatch = 1000;
// Batches under way: the next is sealed while the committer writes the last.
constexpr int kMaxUnderWay = 2;
constexpr int kProofs = 20'000;
constexpr uint64_t kTemplates = 1000;
// Sealed at the end: a start opens the newest payload.
constexpr uint64_t kSealedAtTheEnd = 2 * kBatch;

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

// Appends events and notes when answers come.
class Filler {
 public:
  Filler(Ledger& ledger, const LoadEvents& events, bool distinct_tags)
      : ledger_(ledger), events_(events), distinct_tags_(distinct_tags) {}

  void Fill(uint64_t entries) {
    last_answer_ns_ = LoadNow();
    for (uint64_t next = 1; next <= entries;) {
      std::vector<SealedEvent> batch;
      while (next <= entries && batch.size() < kBatch) batch.push_back(Make(next++, entries));
      Append(std::move(batch));
    }
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ == 0; });
  }
  int64_t longest_gap_ns() const { return longest_gap_ns_; }

 private:
  SealedEvent Make(uint64_t sequence, uint64_t entries) {
    SealedEvent event;
    if (sequence <= kTemplates || sequence + kSealedAtTheEnd > entries) {
      event = Seal(sequence);
      if (sequence <= kTemplates) templates_.push_back(event);
    } else {
      event = templates_[sequence % kTemplates];
      event.stream_sequence = sequence;
      Fill(event.commitment.bytes);
      Fill(event.identity_mac);
      Fill(event.event_mac);
    }
    if (distinct_tags_ && sequence + kSealedAtTheEnd <= entries) {
      for (Hash& tag : event.tags) Fill(tag.bytes);
      std::sort(event.tags.begin(), event.tags.end());
    }
    return event;
  }

  template <size_t N>
  void Fill(std::array<uint8_t, N>& bytes) {
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
  }

  SealedEvent Seal(uint64_t sequence) {
    SealInput input;
    events_.AppendEvent(input.event, 0, sequence);
    if (!parsed_.ParseFromString(input.event)) Fail("an event does not parse");
    input.principal = "spiffe://bench.example/emitter";
    input.stream_id = parsed_.source().stream_id();
    input.event_id = parsed_.event_id();
    input.stream_sequence = sequence;
    input.received_at_us = ledger_.clock().WallMicros();
    absl::StatusOr<SealedEvent> event = ledger_.sealer().Seal(std::move(input));
    if (!event.ok()) Fail(event.status().ToString());
    return *std::move(event);
  }

  void Append(std::vector<SealedEvent> batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ < kMaxUnderWay; });
    ++under_way_;
    lock.unlock();
    ledger_.Append(std::move(batch), [this](absl::StatusOr<AppendOutcome> outcome) {
      if (!outcome.ok()) Fail(outcome.status().ToString());
      const std::lock_guard guard(mutex_);
      const int64_t now_ns = LoadNow();
      longest_gap_ns_ = std::max(longest_gap_ns_, now_ns - last_answer_ns_);
      last_answer_ns_ = now_ns;
      --under_way_;
      changed_.notify_one();
    });
  }

  Ledger& ledger_;
  const LoadEvents& events_;
  const bool distinct_tags_;
  std::vector<SealedEvent> templates_;
  std::minstd_rand random_{1};
  v1::AuditEvent parsed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int under_way_ = 0;
  int64_t last_answer_ns_ = 0;
  int64_t longest_gap_ns_ = 0;
};

void Write(const std::string& folder, uint64_t entries, size_t event_bytes, bool distinct_tags) {
  std::filesystem::create_directories(folder);
  const absl::StatusOr<LoadEvents> events =
      LoadEvents::Make({.event_bytes = event_bytes, .run = 1, .recorded_unix_s = 1'760'000'000});
  if (!events.ok()) Fail(events.status().ToString());
  auto ledger = Ledger::Create(OptionsIn(folder));
  if (!ledger.ok()) Fail(ledger.status().ToString());
  const int64_t begin_ns = LoadNow();
  Filler filler(**ledger, *events, distinct_tags);
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
