// A log in memory, made with merkle/ alone: it seals events under fixed seeds, signs heads with a
// fixed key, and hands out receipts and exports. Everything is a function of the arguments.
//
// It is also the ledger's rogue administrator: entries may be anything, any head may be signed.
// Aborts on errors: it runs in tests.
#ifndef AUDITLEDGER_TESTS_TESTING_TEST_LOG_H_
#define AUDITLEDGER_TESTS_TESTING_TEST_LOG_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "merkle/erasure_entries.h"
#include "merkle/frontier.h"
#include "merkle/hash.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/node_reader.h"
#include "merkle/note.h"
#include "merkle/opening.h"
#include "merkle/system_entries.h"

namespace auditledger::testing {

// An Ed25519 key from a seed of 32 times `seed_byte`.
std::string TestPublicKey(uint8_t seed_byte);
std::string TestSignature(uint8_t seed_byte, absl::string_view message);

// Canonical encoding of a small, complete AuditEvent: a clinician reads the chart of patient
// `number % 7`.
std::string TestEvent(uint64_t number);

class TestLog : public NodeReader {
 public:
  struct Options {
    std::string origin = "ledger.test/clinic";
    uint8_t key = 1;
    std::string index_key = std::string(32, 'i');
    uint64_t first_us = 1'700'000'000'000'000;
  };
  // Begins with its genesis.
  TestLog() : TestLog(Options()) {}
  explicit TestLog(Options options);
  // No entry at all; the caller adds what should stand at 0.
  static TestLog Empty(Options options);

  uint64_t size() const { return leaves_.size(); }
  const std::string& origin() const { return options_.origin; }
  const NoteVerifier& verifier() const { return verifier_; }
  const std::string& index_key() const { return options_.index_key; }
  const std::vector<std::string>& leaves() const { return leaves_; }
  std::vector<std::optional<Opening>>& openings() { return openings_; }
  // What the next leaf's recorded_at_us should be.
  uint64_t NextTime() const { return options_.first_us + size() * 1000; }
  Genesis GenesisOf() const;

  // Each returns the new entry's index.
  uint64_t AddEvent(absl::string_view event);
  uint64_t AddEvents(uint64_t count);  // TestEvent(size())...
  uint64_t AddSignedEvent(absl::string_view event, uint8_t emitter_key);
  uint64_t AddConflict(uint64_t first_index, absl::string_view event);
  // An entry of the ledger's own behind which an event stands.
  uint64_t AddWithEvent(EntryKind kind, std::string body, absl::string_view event);
  // Who sends what is added from here on.
  void SetPrincipal(std::string principal) { principal_ = std::move(principal); }
  // A request and the erasure that carries it out; returns the latter.
  uint64_t AddErasure(const EntryRanges& ranges);
  uint64_t AddSystem(EntryKind kind, std::string body);
  uint64_t AddLeaf(const Leaf& leaf, std::optional<Opening> opening);
  uint64_t AddBytes(std::string leaf, std::optional<Opening> opening);
  // Leaf and opening of an event as they would be sealed as the next entry.
  std::pair<Leaf, Opening> Seal(absl::string_view event, std::optional<uint8_t> emitter_key) const;

  Hash RootAt(uint64_t size);
  // "text" and this log's signature line.
  std::string Sign(absl::string_view text) const;
  std::string CheckpointAt(uint64_t size);
  // Signed, whatever it says.
  std::string CheckpointSaying(uint64_t size, const Hash& root) const;
  std::string ReceiptFor(uint64_t index, uint64_t size, bool with_opening = true);
  // add-checkpoint body.
  std::string UpdateFrom(uint64_t old_size, uint64_t new_size);
  absl::StatusOr<std::vector<Hash>> ReadNodes(const std::vector<NodeId>& ids) override;

 private:
  TestLog(Options options, bool with_genesis);

  Options options_;
  std::string principal_ = "spiffe://test/ehr";
  NoteVerifier verifier_;
  std::vector<std::string> leaves_;
  std::vector<std::optional<Opening>> openings_;
  Frontier frontier_;
  std::map<std::pair<uint8_t, uint64_t>, Hash> nodes_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_TEST_LOG_H_
