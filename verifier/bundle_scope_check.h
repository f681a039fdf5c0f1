// Whether a bundle's entries are what was asked for and withhold what the scope says (scope),
// whether one is missing (completeness), and whether an entry contradicts what the ledger says of
// its stream (coverage). Each check is given the entries in order, once.
//
// Completeness needs no index where every leaf that could be asked for is in the bundle: then the
// leaves themselves show it. Of tags it may also rest on complete answers (bundle_answers.h), and
// on the leaves behind the place where these stop. Else it cannot be told.
//
// Thread-safety: an object belongs to one thread. What is given must outlive it.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_SCOPE_CHECK_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_SCOPE_CHECK_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "verifier/bundle_answers.h"
#include "verifier/bundle_claims.h"
#include "verifier/bundle_entries.h"
#include "verifier/bundle_file.h"

namespace auditledger {

class ScopeCheck {
 public:
  ScopeCheck(const BundleFile& bundle, const BundleAnswers& answers)
      : bundle_(bundle),
        answers_(answers),
        answer_(answers.entries.begin()),
        next_(answers.complete_size) {}
  void Add(const BundleEntry& entry);
  ClaimFinding Scope() const;
  // REQUIRES: the entries were found to be in the log.
  ClaimFinding Completeness() const;

 private:
  struct Withheld {
    uint64_t entries = 0;
    uint64_t headers = 0;
    uint64_t units = 0;
    friend bool operator==(const Withheld&, const Withheld&) = default;
  };
  void CountWithheld(const BundleEntry& entry);
  void AddToRange(const BundleEntry& entry);
  void CompareWithAnswers(uint64_t index, bool asked);
  std::optional<uint8_t> WrongRule() const;
  ClaimFinding TagCompleteness(std::optional<uint64_t> missing) const;
  ClaimFinding CompleteByAnswers() const;
  std::string WhyNotComplete() const;

  const BundleFile& bundle_;
  const BundleAnswers& answers_;
  std::set<uint64_t>::const_iterator answer_;  // the next one to be here
  std::string contradiction_;                  // of answers and entries: the first, in words
  uint64_t matched_ = 0;
  uint64_t context_ = 0;
  std::map<uint8_t, Withheld> withheld_;
  std::string wrong_role_;              // the first, in words
  std::optional<uint64_t> passed_off_;  // the first that is asked for and called context
  // Of the entries that could be asked for: what is expected next, where they end.
  uint64_t next_;
  std::optional<uint64_t> missing_;
  std::optional<uint64_t> end_;
};

class CoverageCheck {
 public:
  explicit CoverageCheck(const std::vector<StreamCoverage>& coverage);
  void Add(const BundleEntry& entry, const ShownEntry& shown);
  ClaimFinding Finish() const;

 private:
  std::map<std::pair<std::string, std::string>, const StreamCoverage*> streams_;
  size_t rows_ = 0;
  uint64_t gaps_ = 0;
  std::string contradiction_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_SCOPE_CHECK_H_
