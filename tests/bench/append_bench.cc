// What the library appends, against what the disk and LevelDB allow in the same run.
//
// Rounds are interleaved: calibrator (raw LevelDB, synced batches of the same number of bytes and
// records as our commits wrote), 64 threads with one event each, one caller with 1000 events each.
// Prints the median of the rounds and the ratio to the calibrator. Sealing is part of the measure.
//
//   append_bench [folder]      default: the temporary folder
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ledger/ledger.h"
#include "ledger/leveldb_engine.h"
#include "leveldb/db.h"
#include "leveldb/write_batch.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

constexpr int kRounds = 5;
constexpr int kThreads = 64;
constexpr int kEventsEach = 150;  // of a thread and round
constexpr int kBatchEvents = 1000;
constexpr int kBatches = 20;           // of a round
constexpr size_t kContentBytes = 400;  // an ordinary event has 500 in all

void PutField(std::string& out, uint32_t field, const std::string& value) {
  PutLengthDelimitedPrefix(out, field, value.size());
  out += value;
}

SealedEvent Seal(const Ledger& ledger, const std::string& id) {
  SealInput input;
  PutField(input.event, 1, id);
  PutField(input.event, 5, std::string(kContentBytes, 'x'));
  std::string reference;
  PutField(reference, 1, "Patient/" + id.substr(id.size() - 1));
  PutField(input.event, 14, reference);
  input.principal = "spiffe://bench/emitter";
  input.stream_id = "bench";
  input.event_id = id;
  return ledger.sealer().Seal(std::move(input)).value();
}

// Waits for one answer.
class Waiter {
 public:
  AppendCallback Callback() {
    return [this](absl::StatusOr<AppendOutcome> outcome) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!outcome.ok()) {
        std::fprintf(stderr, "%s\n", outcome.status().ToString().c_str());
        std::exit(1);
      }
      done_ = true;
      changed_.notify_one();
    };
  }
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
    done_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

template <typename Work>
double EventsPerSecond(int events, Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return events / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Singles(Ledger& ledger, int round) {
  return EventsPerSecond(kThreads * kEventsEach, [&] {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&ledger, round, thread] {
        Waiter waiter;
        for (int i = 0; i < kEventsEach; ++i) {
          std::vector<SealedEvent> events;
          events.push_back(Seal(ledger, "s" + std::to_string(round) + "-" + std::to_string(thread) +
                                            "-" + std::to_string(i)));
          ledger.Append(std::move(events), waiter.Callback());
          waiter.Wait();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
}

double Batches(Ledger& ledger, int round) {
  return EventsPerSecond(kBatches * kBatchEvents, [&] {
    Waiter waiter;
    for (int batch = 0; batch < kBatches; ++batch) {
      std::vector<SealedEvent> events;
      for (int i = 0; i < kBatchEvents; ++i) {
        events.push_back(Seal(ledger, "b" + std::to_string(round) + "-" + std::to_string(batch) +
                                          "-" + std::to_string(i)));
      }
      ledger.Append(std::move(events), waiter.Callback());
      waiter.Wait();
    }
  });
}

// Records of what one event of ours stores: leaf, payload, identity and its share of a tile.
double RawLevelDb(leveldb::DB& db, uint64_t& next, int events, int per_commit) {
  return EventsPerSecond(events, [&] {
    leveldb::WriteOptions synced;
    synced.sync = true;
    for (int done = 0; done < events; done += per_commit) {
      leveldb::WriteBatch batch;
      for (int i = 0; i < per_commit; ++i, ++next) {
        char key[24];
        for (const auto& [prefix, bytes] : {std::pair{'L', 90}, {'P', 560}, {'I', 45}}) {
          std::snprintf(key, sizeof key, "%c%016llx", prefix,
                        static_cast<unsigned long long>(next));
          batch.Put(key, std::string(static_cast<size_t>(bytes), static_cast<char>(next)));
        }
      }
      batch.Put("tile", std::string(8192, 't'));
      batch.Put("head", std::string(48, 'h'));
      if (!db.Write(synced, &batch).ok()) std::exit(1);
    }
  });
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Report(const char* name, std::vector<double> ours, std::vector<double> raw) {
  std::printf("%-28s %9.0f events/s   raw LevelDB %9.0f   ratio %.2f\n", name, Median(ours),
              Median(raw), Median(ours) / Median(raw));
}

int Main(const std::string& base) {
  const std::string folder = base + "/auditledger-bench-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  LedgerOptions options;
  options.origin = "bench.example/log";
  options.paths = {folder + "/data", folder + "/state", folder + "/keys", folder + "/seeds"};
  auto ledger = Ledger::Create(options);
  if (!ledger.ok()) {
    std::fprintf(stderr, "%s\n", ledger.status().ToString().c_str());
    return 1;
  }
  leveldb::Options raw_options;
  raw_options.create_if_missing = true;
  raw_options.write_buffer_size = 16 << 20;
  SetTableOptions(raw_options);
  leveldb::DB* opened = nullptr;
  if (!leveldb::DB::Open(raw_options, folder + "/raw", &opened).ok()) return 1;
  std::unique_ptr<leveldb::DB> raw(opened);

  std::vector<double> singles, batches, raw_singles, raw_batches;
  uint64_t next = 0;
  for (int round = 0; round < kRounds; ++round) {
    const LedgerCounters before = (*ledger)->counters();
    singles.push_back(Singles(**ledger, round));
    const LedgerCounters after = (*ledger)->counters();
    const auto commits = std::max<uint64_t>(1, after.commits - before.commits);
    const int per_commit =
        std::max(1, static_cast<int>((after.appended - before.appended) / commits));
    raw_singles.push_back(RawLevelDb(*raw, next, kThreads * kEventsEach, per_commit));
    batches.push_back(Batches(**ledger, round));
    raw_batches.push_back(RawLevelDb(*raw, next, kBatches * kBatchEvents, kBatchEvents));
    std::printf(
        "round %d: 64 threads %.0f (%d a commit), raw %.0f; batches of 1000 %.0f, raw %.0f\n",
        round, singles.back(), per_commit, raw_singles.back(), batches.back(), raw_batches.back());
  }
  Report("64 threads, 1 event", singles, raw_singles);
  Report("1 caller, 1000 events", batches, raw_batches);
  ledger->reset();
  const auto start = std::chrono::steady_clock::now();
  if (!Ledger::Open(options).ok()) return 1;
  std::printf("open with %d entries: %.3f s\n",
              kRounds * (kThreads * kEventsEach + kBatches * kBatchEvents),
              std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  raw.reset();
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  return auditledger::Main(argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string());
}
