// Fills a ledger as fast as one thread and the committer go, and notes when answers come.
//
// Past the first thousand, events are sealed again only at the end: those between are the first
// ones under new identities and commitments, which take a log as much room and work as others, and
// the program that measures a third of the time.
//
// Thread-safety: an object belongs to one thread. It ends the program on errors.
#ifndef AUDITLEDGER_TESTS_BENCH_LEDGER_FILLER_H_
#define AUDITLEDGER_TESTS_BENCH_LEDGER_FILLER_H_

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "auditledger/v1/event.pb.h"
#include "ledger/ledger.h"
#include "tools/load_events.h"
#include "tools/load_histogram.h"
#include "tools/load_plan.h"

namespace auditledger {

class LedgerFiller {
 public:
  static constexpr uint64_t kBatch = 1000;
  // `distinct_tags`: each tag is its own, as if no patient and nobody of the staff came twice.
  LedgerFiller(Ledger& ledger, size_t event_bytes, bool distinct_tags)
      : ledger_(ledger),
        events_(Need(LoadEvents::Make(
            {.event_bytes = event_bytes, .run = 1, .recorded_unix_s = 1'760'000'000}))),
        distinct_tags_(distinct_tags) {}

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
  // The longest time between two answers: the stall of an emitter.
  int64_t longest_gap_ns() const { return longest_gap_ns_; }
  // From a batch's Append to its answer.
  const LoadHistogram& answers() const { return answers_; }

 private:
  static constexpr uint64_t kTemplates = 1000;
  // Sealed at the end: a start opens the newest payload.
  static constexpr uint64_t kSealedAtTheEnd = 2 * kBatch;
  // Batches under way: the next is made while the committer writes the last.
  static constexpr int kMaxUnderWay = 2;

  template <typename T>
  static T Need(absl::StatusOr<T> value) {
    if (value.ok()) return *std::move(value);
    std::cerr << value.status().ToString() << '\n';
    exit(1);
  }

  SealedEvent Make(uint64_t sequence, uint64_t entries) {
    if (sequence <= kTemplates || sequence + kSealedAtTheEnd > entries) {
      SealedEvent event = Seal(sequence);
      if (sequence <= kTemplates) templates_.push_back(event);
      return event;
    }
    SealedEvent event = templates_[sequence % kTemplates];
    event.stream_sequence = sequence;
    Randomize(event.commitment.bytes);
    Randomize(event.identity_mac);
    Randomize(event.event_mac);
    if (distinct_tags_) {
      for (Hash& tag : event.tags) Randomize(tag.bytes);
      std::sort(event.tags.begin(), event.tags.end());
    }
    return event;
  }

  template <size_t N>
  void Randomize(std::array<uint8_t, N>& bytes) {
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random_());
  }

  SealedEvent Seal(uint64_t sequence) {
    SealInput input;
    events_.AppendEvent(input.event, 0, sequence);
    v1::AuditEvent parsed;
    if (!parsed.ParseFromString(input.event)) {
      std::cerr << "an event does not parse\n";
      exit(1);
    }
    input.principal = "spiffe://bench.example/emitter";
    input.stream_id = parsed.source().stream_id();
    input.event_id = parsed.event_id();
    input.stream_sequence = sequence;
    input.received_at_us = ledger_.clock().WallMicros();
    return Need(ledger_.sealer().Seal(std::move(input)));
  }

  void Append(std::vector<SealedEvent> batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ < kMaxUnderWay; });
    ++under_way_;
    lock.unlock();
    const int64_t sent_ns = LoadNow();
    ledger_.Append(std::move(batch), [this, sent_ns](absl::StatusOr<AppendOutcome> outcome) {
      Need(std::move(outcome));
      const std::lock_guard guard(mutex_);
      const int64_t now_ns = LoadNow();
      longest_gap_ns_ = std::max(longest_gap_ns_, now_ns - last_answer_ns_);
      last_answer_ns_ = now_ns;
      answers_.Record(static_cast<uint64_t>(now_ns - sent_ns));
      --under_way_;
      changed_.notify_one();
    });
  }

  Ledger& ledger_;
  const LoadEvents events_;
  const bool distinct_tags_;
  std::vector<SealedEvent> templates_;
  std::minstd_rand random_{1};
  std::mutex mutex_;
  std::condition_variable changed_;
  int under_way_ = 0;
  int64_t last_answer_ns_ = 0;
  int64_t longest_gap_ns_ = 0;
  LoadHistogram answers_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TESTS_BENCH_LEDGER_FILLER_H_
