// What each part of an append costs, by switching it off: batches of 1,000 events from one caller,
// in this process (no RPC, no TLS: tools/dev bench parts adds these), two batches under way.
//
// A round runs with everything on and then without each part in turn; a cost is the median of the
// rounds' differences, in CPU microseconds of the whole process an event, which other work on the
// machine changes less than time. Parts overlap (what is not sealed needs no tags), so they do not
// add up to the whole.
//
//   switch_off_bench [--size 300] [--rounds 15] [--batches 5] [--folder /tmp] [--json]
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/event_rules.h"
#include "auditledger/v1/event.pb.h"
#include "ledger/ledger.h"
#include "ledger/memory_engine.h"
#include "ledger/mutex.h"
#include "merkle/units.h"
#include "tests/bench/cpu_time.h"
#include "tests/bench/switch_off.h"
#include "tools/load_events.h"

namespace auditledger {
namespace {

constexpr uint64_t kNowUs = 1'700'000'000'000'000;
constexpr size_t kBatchEvents = 1000;
constexpr size_t kUnderWay = 2;

struct Options {
  size_t size = 300;
  int rounds = 15;
  int batches = 5;
  std::string folder = std::filesystem::temp_directory_path().string();
  bool json = false;
};

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "switch_off_bench: " << value.status().ToString() << "\n";
  std::exit(1);
}

// Batches under way, bounded.
class Window {
 public:
  void Enter() {
    MutexLock lock(mutex_);
    while (under_way_ >= kUnderWay) changed_.Wait(mutex_);
    ++under_way_;
  }
  void Leave(const absl::Status& status) {
    if (!status.ok()) Need<int>(status);
    MutexLock lock(mutex_);
    --under_way_;
    changed_.SignalAll();
  }
  void WaitForAll() {
    MutexLock lock(mutex_);
    while (under_way_ > 0) changed_.Wait(mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  size_t under_way_ ABSL_GUARDED_BY(mutex_) = 0;
};

class Bench {
 public:
  Bench(const Options& options, const std::string& name, bool in_memory)
      : events_(Need(LoadEvents::Make(
            {.event_bytes = options.size, .run = 1, .recorded_unix_s = kNowUs / 1'000'000 - 60}))),
        batches_(options.batches) {
    const std::string folder = options.folder + "/" + name;
    std::filesystem::create_directories(folder);
    LedgerOptions ledger;
    ledger.origin = "bench.example/log";
    ledger.paths = {folder + "/data", folder + "/state", folder + "/keys", folder + "/seeds"};
    if (in_memory) ledger.open_engine = [] { return NewMemoryEngine(); };
    ledger_ = Need(Ledger::Create(ledger));
  }

  // CPU microseconds an event.
  double Run() {
    const bool sealed_before = IsOff(Part::kSealing);
    std::vector<std::vector<SealedEvent>> sealed;
    if (sealed_before) {
      for (int i = 0; i < batches_; ++i) sealed.push_back(SealBatch());
    }
    const double begin = CpuMicros();
    for (int i = 0; i < batches_; ++i) {
      window_.Enter();
      ledger_->Append(sealed_before ? std::move(sealed[static_cast<size_t>(i)]) : SealBatch(),
                      [this](const absl::StatusOr<AppendOutcome>& outcome) {
                        window_.Leave(outcome.status());
                      });
    }
    window_.WaitForAll();
    return (CpuMicros() - begin) / (batches_ * static_cast<double>(kBatchEvents));
  }

 private:
  std::vector<SealedEvent> SealBatch() {
    std::vector<SealedEvent> out;
    out.reserve(kBatchEvents);
    for (size_t i = 0; i < kBatchEvents; ++i) {
      std::string bytes;
      events_.AppendEvent(bytes, 1, ++sequence_);
      if (!IsOff(Part::kParsing)) {
        v1::AuditEvent event;
        event.ParseFromString(bytes);
        bytes = event.SerializeAsString();
        if (!CheckEvent(event, bytes, kMaxEventBytes, kNowUs, "event").violations.empty()) {
          Need<int>(absl::InternalError("an event of the generator breaks the rules"));
        }
      }
      SealInput input;
      input.event = std::move(bytes);
      input.principal = "spiffe://bench.example/emitter";
      input.stream_id = "stream";
      input.event_id = "event " + std::to_string(sequence_);
      input.stream_sequence = sequence_;
      input.received_at_us = kNowUs;
      out.push_back(Need(ledger_->sealer().Seal(std::move(input))));
    }
    return out;
  }

  const LoadEvents events_;
  const int batches_;
  std::unique_ptr<Ledger> ledger_;
  Window window_;
  uint64_t sequence_ = 0;
};

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int Main(const Options& options) {
  const std::string folder = options.folder + "/switch-off-" + std::to_string(::getpid());
  Options here = options;
  here.folder = folder;
  std::vector<double> whole;
  std::map<Part, std::vector<double>> costs;
  {
    Bench disk(here, "disk", /*in_memory=*/false);
    Bench memory(here, "memory", /*in_memory=*/true);
    disk.Run();
    memory.Run();
    for (int round = 0; round < options.rounds; ++round) {
      for (int i = 0; i < kLedgerParts; ++i) {
        const auto part = static_cast<Part>(i);
        // Next to each other, the order in turns.
        const auto with = [&] { return disk.Run(); };
        const auto without = [&] {
          SetOff(part, true);
          const double cost = (part == Part::kLevelDb ? memory : disk).Run();
          SetOff(part, false);
          return cost;
        };
        const bool with_first = (round + i) % 2 == 0;
        const double first = with_first ? with() : without();
        const double second = with_first ? without() : with();
        whole.push_back(with_first ? first : second);
        costs[part].push_back(with_first ? first - second : second - first);
      }
    }
  }
  std::filesystem::remove_all(folder);
  const double all = Median(whole);
  if (options.json) {
    nlohmann::ordered_json out{{"event_bytes", options.size}, {"cpu_us_per_event", all}};
    for (const auto& [part, values] : costs)
      out["parts"][std::string(NameOf(part))] = Median(values);
    std::cout << out.dump(1) << "\n";
    return 0;
  }
  std::printf("%-24s %5zu B %7.2f us of CPU an event\n", "everything on", options.size, all);
  for (const auto& [part, values] : costs) {
    const double cost = Median(values);
    std::printf("  %-22s       %7.2f  %3.0f %%\n", std::string(NameOf(part)).c_str(), cost,
                100 * cost / all);
  }
  return 0;
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  auditledger::Options options;
  CLI::App app{"Tells what each part of an append costs, by switching it off."};
  app.add_option("--size", options.size, "bytes of an event, 300 to 4096")->capture_default_str();
  app.add_option("--rounds", options.rounds)->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--batches", options.batches, "of 1,000 events, a run")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--folder", options.folder, "where the ledgers are made")->capture_default_str();
  app.add_flag("--json", options.json);
  CLI11_PARSE(app, argc, argv);
  return auditledger::Main(options);
}
