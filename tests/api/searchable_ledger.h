// A ledger in memory whose events can be read back, erased, withheld and taken back, for tests of
// the search index. It proves nothing.
//
// Thread-safety: one thread.
#ifndef AUDITLEDGER_TESTS_API_SEARCHABLE_LEDGER_H_
#define AUDITLEDGER_TESTS_API_SEARCHABLE_LEDGER_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "auditledger/v1/event.pb.h"
#include "merkle/erasure_entries.h"
#include "merkle/header.h"
#include "tests/api/fake_ledgers.h"

namespace auditledger::testing {

class SearchableLedger : public FakeLedger {
 public:
  // Its index. `event_time_us` 0: none.
  uint64_t Add(const v1::AuditEvent& event, uint64_t event_time_us = 0,
               const std::string& principal = "spiffe://test/emitter") {
    Leaf leaf;
    leaf.event_time_us = event_time_us;
    leaf.commitment = LeafHash(event.SerializeAsString());
    EntryHeader header;
    header.principal = principal;
    return Put(leaf, Opening{std::string(32, 's'), EncodeHeader(header).value(),
                             event.SerializeAsString()});
  }
  // Destroys their content, and says so in an entry.
  uint64_t Erase(const EntryRanges& ranges) {
    Leaf leaf;
    leaf.kind = EntryKind::kErasure;
    leaf.commitment = Hash{};
    leaf.body = EncodeErasure({{ErasureReason::kOther, ranges}, 0}).value();
    const uint64_t index = Put(leaf, std::nullopt);
    for (uint64_t i = 0; i < index; ++i) {
      if (!Contains(ranges, i)) continue;
      entries_[i].opening.reset();
      entries_[i].payload = StoredEntry::Payload::kErased;
      erased_by_[i] = index;
    }
    return index;
  }
  uint64_t AddOwn() {
    Leaf leaf;
    leaf.kind = EntryKind::kClock;
    return Put(leaf, std::nullopt);
  }
  // Its content is not where it should be.
  void Withhold(uint64_t index) { withheld_.insert(index); }
  // As a ledger that was restored from an older backup.
  void CutTo(uint64_t size) { entries_.resize(size); }
  uint64_t size() const { return entries_.size(); }
  bool failing = false;

  std::shared_ptr<const PublishedHead> head() const override {
    auto out = std::make_shared<PublishedHead>();
    out->head.size = entries_.size();
    out->head.time_us = entries_.empty() ? 0 : RecordedAt(entries_.size() - 1);
    return out;
  }
  absl::StatusOr<StoredEntry> ReadEntry(uint64_t index, bool with_opening) override {
    if (failing) return absl::UnavailableError("the disk fails");
    if (index >= entries_.size()) return absl::OutOfRangeError("beyond");
    if (with_opening && withheld_.contains(index)) return absl::DataLossError("no payload");
    StoredEntry entry = entries_[index];
    if (!with_opening) entry.opening.reset();
    return entry;
  }
  absl::Status ReadEntries(uint64_t begin, uint64_t end, bool with_opening,
                           absl::FunctionRef<bool(StoredEntry)> visit) override {
    for (uint64_t i = begin; i < end; ++i) {
      absl::StatusOr<StoredEntry> entry = ReadEntry(i, with_opening);
      if (!entry.ok()) return entry.status();
      if (!visit(*std::move(entry))) break;
    }
    return absl::OkStatus();
  }
  std::optional<uint64_t> ErasedBy(uint64_t index) const override {
    const auto found = erased_by_.find(index);
    if (found == erased_by_.end()) return std::nullopt;
    return found->second;
  }
  // Entries come a second apart.
  static uint64_t RecordedAt(uint64_t index) { return 1'700'000'000'000'000 + index * 1'000'000; }

 private:
  uint64_t Put(Leaf leaf, std::optional<Opening> opening) {
    StoredEntry entry;
    entry.index = entries_.size();
    leaf.recorded_at_us = RecordedAt(entry.index);
    entry.leaf = EncodeLeaf(leaf).value();
    entry.payload = opening ? StoredEntry::Payload::kPresent : StoredEntry::Payload::kNone;
    entry.opening = std::move(opening);
    entries_.push_back(std::move(entry));
    return entries_.size() - 1;
  }

  std::vector<StoredEntry> entries_;
  std::set<uint64_t> withheld_;
  std::map<uint64_t, uint64_t> erased_by_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_SEARCHABLE_LEDGER_H_
