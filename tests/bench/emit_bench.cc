// What Emit costs its caller, and what a sender does in a second.
//   emit_bench --folder DIR [--events N] [--threads N] [--pause-us N]
//
// The spool lies in DIR, so that its disk is what is measured. The ledger is one that answers at
// once, in this process: receipts are neither made nor checked, their cost is the client's
// (tools/dev bench). With a pause between calls latency is that of a caller who does something
// else, and the sender works beside it; without, calls wait for each other.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/client/emitter.h"

namespace auditledger {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string folder;
  uint64_t events = 20'000;
  int threads = 1;
  int pause_us = 200;
};

class InstantLedger : public EmitterTransport {
 public:
  absl::Status Send(absl::Span<const v1::AuditEvent> events,
                    const LedgerClient::ResultCallback& on_result) override {
    for (size_t i = 0; i < events.size(); ++i) {
      v1::Receipt receipt;
      receipt.set_index(index_++);
      receipt.mutable_checkpoint()->set_note("head");
      on_result(i, receipt);
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> Follow(const std::string&, const std::string& note) override {
    return note;
  }
  absl::StatusOr<WitnessedHead> Witnessed() override { return absl::UnavailableError("none"); }

 private:
  uint64_t index_ = 0;
};

// Some 600 bytes: an access to a chart.
v1::AuditEvent AnAccess() {
  v1::AuditEvent event;
  event.set_schema_version(1);
  event.set_action(v1::ACTION_READ);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  event.add_category()->set_text("rest");
  event.add_purpose_of_use()->set_text("TREAT");
  event.add_patient()->set_reference("Patient/4711");
  v1::Agent& agent = *event.add_agent();
  agent.set_requestor(true);
  agent.mutable_who()->set_reference("Practitioner/12");
  agent.mutable_network()->set_address("10.0.0.7");
  v1::Entity& entity = *event.add_entity();
  entity.mutable_what()->set_reference("Observation/1");
  entity.set_query(std::string(300, 'q'));
  return event;
}

// A pause that ends on time: a scheduler's is fifty microseconds late.
void SpinFor(int us) {
  const auto until = Clock::now() + std::chrono::microseconds(us);
  while (Clock::now() < until) continue;
}

struct Measured {
  std::vector<double> us;
  double seconds = 0;
};

Measured Run(const Options& options, SpoolSync sync) {
  const std::string folder = options.folder + "/emit_bench_spool";
  std::filesystem::remove_all(folder);
  EmitterOptions emitter_options;
  emitter_options.spool.folder = folder;
  emitter_options.spool.stream = "bench";
  emitter_options.spool.sync = sync;
  emitter_options.source.mutable_observer()->set_reference("Device/bench");
  emitter_options.when_full = WhenFull::kBlock;
  auto emitter = Emitter::Start(std::move(emitter_options),
                                SpoolKey::FromBytes(std::string(kSpoolKeyBytes, 'k')).value(),
                                std::make_unique<InstantLedger>())
                     .value();
  const uint64_t each = options.events / static_cast<uint64_t>(options.threads);
  std::vector<std::vector<double>> measured(static_cast<size_t>(options.threads));
  const auto begin = Clock::now();
  std::vector<std::thread> threads;
  for (std::vector<double>& mine : measured) {
    threads.emplace_back([&] {
      const v1::AuditEvent event = AnAccess();
      mine.reserve(each);
      for (uint64_t i = 0; i < each; ++i) {
        const auto before = Clock::now();
        const auto emitted = emitter->Emit(event);
        mine.push_back(std::chrono::duration<double, std::micro>(Clock::now() - before).count());
        if (!emitted.ok()) std::cerr << emitted.status() << "\n";
        SpinFor(options.pause_us);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const absl::Status drained = emitter->Drain(std::chrono::minutes(1));
  if (!drained.ok()) std::cerr << drained << "\n";
  Measured out;
  out.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const auto& mine : measured) out.us.insert(out.us.end(), mine.begin(), mine.end());
  std::sort(out.us.begin(), out.us.end());
  emitter.reset();
  std::filesystem::remove_all(folder);
  return out;
}

void Print(const char* name, const Measured& measured) {
  const auto at = [&](double part) {
    return measured.us[static_cast<size_t>(part * static_cast<double>(measured.us.size() - 1))];
  };
  std::printf("%-12s p50 %8.1f us  p99 %8.1f us  p99.9 %8.1f us  max %8.0f us  %7.0f events/s\n",
              name, at(0.5), at(0.99), at(0.999), at(1.0),
              static_cast<double>(measured.us.size()) / measured.seconds);
}

}  // namespace
}  // namespace auditledger

int main(int argc, char** argv) {
  auditledger::Options options;
  CLI::App app{"What Emit costs its caller."};
  app.add_option("--folder", options.folder, "where the spool lies")->required();
  app.add_option("--events", options.events)->capture_default_str();
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--pause-us", options.pause_us, "between two calls of a thread")
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  using auditledger::SpoolSync;
  auditledger::Print("in groups", auditledger::Run(options, SpoolSync::kGroups));
  auditledger::Print("each event", auditledger::Run(options, SpoolSync::kEachEvent));
  return 0;
}
