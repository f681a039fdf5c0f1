// Of a bundle's entries: whether they are in the log under its head (InclusionCheck), and what is
// shown of them is what was sealed (ContentsCheck). Each is given the entries in order, once, and
// then says what its claims come to.
//
// Example:
//   InclusionCheck inclusion(bundle, pin);
//   ForEachEntry(bundle, [&](const BundleEntry& entry) { inclusion.Add(entry); return true; });
//   findings.of(BundleClaim::kEntries) = inclusion.Finish();
//
// Memory: 32 bytes for each entry of the longest run; erased entries by index.
// Thread-safety: an object belongs to one thread.
#ifndef AUDITLEDGER_VERIFIER_BUNDLE_ENTRIES_H_
#define AUDITLEDGER_VERIFIER_BUNDLE_ENTRIES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "merkle/erasure_entries.h"
#include "merkle/header.h"
#include "merkle/sha256.h"
#include "verifier/bundle_claims.h"
#include "verifier/bundle_file.h"
#include "verifier/bundle_proofs.h"
#include "verifier/pins.h"

namespace auditledger {

class InclusionCheck {
 public:
  // `pin` has the log's first key, which its genesis names. Both must outlive the check.
  InclusionCheck(const BundleFile& bundle, const Pin& pin);
  void Add(const BundleEntry& entry);
  ClaimFinding Finish();

 private:
  void FinishRun();

  const BundleFile& bundle_;
  const Pin& pin_;
  RecordRange::Iterator next_run_;
  std::optional<InclusionRun> run_;
  std::vector<Hash> hashes_;  // of the run, so far
  uint64_t count_ = 0;
  uint64_t last_time_ = 0;
  std::string wrong_proof_;  // the first of each, in words
  std::string wrong_leaf_;
};

// What an entry shows beyond its leaf, once it was found to be what the leaf commits to.
struct ShownEntry {
  std::optional<EntryHeader> header;
  Hash event_commitment;
};

class ContentsCheck {
 public:
  // `index_key`: 32 bytes, or nullptr; `origin` of the pinned log.
  ContentsCheck(const std::string& origin, const std::string* index_key);
  // What it shows; nullopt where it shows nothing, or something wrong.
  std::optional<ShownEntry> Add(const BundleEntry& entry);
  ClaimFinding Contents() const;
  // REQUIRES: Contents() passes.
  ClaimFinding Tags() const;
  ClaimFinding Senders() const;

 private:
  void AddTags(const BundleEntry& entry);
  void AddSender(const BundleEntry& entry, const ShownEntry& shown);
  std::string GoneText() const;

  const std::string origin_;
  std::optional<HmacKey> index_key_;
  Hash index_key_hash_;
  std::string wrong_form_;  // the first of each, in words
  std::string wrong_content_;
  uint64_t opened_ = 0;
  uint64_t whole_ = 0;
  uint64_t units_shown_ = 0;
  uint64_t units_withheld_ = 0;
  std::vector<uint64_t> gone_;
  std::vector<std::pair<uint64_t, EntryRanges>> erasures_;  // by index
  bool other_index_key_ = false;
  uint64_t tags_checked_ = 0;
  std::string wrong_tags_;
  uint64_t signed_ = 0;
  std::string wrong_signature_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_BUNDLE_ENTRIES_H_
