// A ledger over a TestLog: every head is signed and provable, and the test decides what it shows.
// Nothing is appended through it. And a set of such ledgers.
#ifndef AUDITLEDGER_TESTS_API_LOG_LEDGER_H_
#define AUDITLEDGER_TESTS_API_LOG_LEDGER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "merkle/proof.h"
#include "tests/api/fake_ledgers.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {

class LogLedger : public FakeLedger {
 public:
  explicit LogLedger(TestLog::Options options = {}) : log(options) {}

  TestLog log;
  std::string more;               // lines after the log's signature, as of a witness
  uint64_t shown = 1;             // size of the newest head
  uint64_t missing = UINT64_MAX;  // entries from here on cannot be read

  const std::string& origin() const override { return log.origin(); }
  const NoteVerifier& verifier() const override { return log.verifier(); }
  std::shared_ptr<const PublishedHead> head() const override {
    auto out = std::make_shared<PublishedHead>();
    TestLog& unchanged = const_cast<TestLog&>(log);
    out->head.size = shown;
    out->head.root = unchanged.RootAt(shown);
    out->checkpoint = unchanged.CheckpointAt(shown) + more;
    return out;
  }
  absl::Status ReadEntries(uint64_t begin, uint64_t end, bool,
                           absl::FunctionRef<bool(StoredEntry)> visit) override {
    for (uint64_t i = begin; i < end; ++i) {
      if (i >= missing) return absl::DataLossError("a leaf is missing");
      StoredEntry entry;
      entry.index = i;
      entry.leaf = log.leaves()[i];
      if (!visit(std::move(entry))) break;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<Hash>> Consistency(uint64_t old_size, uint64_t new_size) override {
    return ConsistencyProof(old_size, new_size, log);
  }
};

class LogLedgerSet : public LedgerSet {
 public:
  LogLedger& Add(const std::string& id, TestLog::Options options = {}) {
    return *(ledgers_[id] = std::make_unique<LogLedger>(options));
  }
  absl::StatusOr<Ledger*> Create(absl::string_view, absl::string_view,
                                 const Predecessor&) override {
    return absl::UnimplementedError("a test's");
  }
  absl::StatusOr<Ledger*> Find(absl::string_view id) override {
    const auto found = ledgers_.find(std::string(id));
    if (found == ledgers_.end()) return absl::NotFoundError("no such ledger");
    return found->second.get();
  }
  std::vector<Slot> List() override {
    std::vector<Slot> out;
    for (const auto& [id, ledger] : ledgers_) {
      out.push_back({id, ledger->origin(), ledger.get(), absl::OkStatus()});
    }
    return out;
  }
  void Drain() override {}

 private:
  std::map<std::string, std::unique_ptr<LogLedger>> ledgers_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_LOG_LEDGER_H_
