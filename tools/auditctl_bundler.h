// Puts an evidence bundle together: asks the ledger for the entries and their proofs, writes the
// file, and records in the log that it was made. A bundle whose entry the log did not take is
// removed.
//
// Example:
//   BundleRequest request;                       // query, whom to withhold, who asked and why
//   ASSIGN_OR_RETURN(const BundleMade made, Bundler(request, target, connection, ledger).Run());
//
// Payloads of entries that are not asked for are never read. Memory: a page of entries.
// Thread-safety: one thread.
#ifndef AUDITLEDGER_TOOLS_AUDITCTL_BUNDLER_H_
#define AUDITLEDGER_TOOLS_AUDITCTL_BUNDLER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "merkle/checkpoint.h"
#include "merkle/complete_answer.h"
#include "merkle/key_change_list.h"
#include "tools/auditctl.h"
#include "tools/auditctl_sealing.h"
#include "verifier/bundle_redaction.h"
#include "verifier/bundle_writer.h"

namespace auditledger::ctl {

struct BundleRequest {
  BundleQuery query;
  // About the one tag of the query (merkle/complete_answer.h): the bundle then rests on it, is
  // under its head, and has the entries that it found in place of all leaves.
  std::optional<CompleteAnswer> answer;
  RedactionPolicy policy;
  std::vector<TagKey> subjects;      // whom the answer is about
  bool sparse = false;               // of a tag: without the leaves of other entries
  std::vector<std::string> earlier;  // files of heads that it shall extend
  BundleManifest about;              // case, legal basis, purpose, requester, approver
  bool progress = false;
};

struct BundleMade {
  std::string package;
  uint64_t size = 0;  // of its head
  uint64_t entries = 0;
  uint64_t recorded_as = 0;  // the entry of the log that says so
};

class Bundler {
 public:
  // All must outlive it. The bundle is at target.working_path(), still to be published.
  Bundler(const BundleRequest& request, const BundleTarget& target, Connection& connection,
          std::string ledger);
  absl::StatusOr<BundleMade> Run();

 private:
  absl::Status ReadHead();
  absl::StatusOr<v1::Checkpoint> HeadToBeUnder(const v1::Ledger& shown);
  absl::StatusOr<KeyChangeList> KeyChanges(const v1::Ledger& shown);
  absl::StatusOr<v1::Entry> GetLeaf(uint64_t index);
  // The first entry recorded at `from_us` or later: times rise, so that a few leaves tell.
  absl::StatusOr<uint64_t> FirstRecordedFrom(uint64_t from_us);
  // Entries to look at: those that could be asked for, and their neighbours.
  absl::Status FindBounds();
  absl::Status ReadEntries();
  absl::Status ReadAnswered();
  absl::Status List(uint64_t begin, uint64_t end, v1::EntryView view,
                    absl::FunctionRef<absl::Status(const v1::Entry&)> each);
  // Leaves next to each other that are asked for are opened together; the others are context.
  absl::Status Look(const v1::Entry& entry);
  absl::Status Ask(uint64_t index);
  absl::Status Flush();
  absl::Status AddContext(const v1::Entry& entry);
  absl::Status AddAsked(const v1::Entry& entry);
  // Before it, the erasures that explain what is not there and come earlier in the log.
  absl::Status AddInOrder(const BundleEntry& entry);
  absl::Status AddExplanations(uint64_t before);
  absl::StatusOr<std::vector<Hash>> ProofOf(uint64_t index);
  absl::Status ReadProofs();
  absl::Status AddEarlier(const std::string& path);
  absl::Status ReadCoverage();
  void Describe();
  // No bundle without its entry in the log: what is not recorded is not given out.
  absl::StatusOr<BundleMade> Record(const Hash& manifest);

  const BundleRequest& request_;
  const BundleTarget& target_;
  Connection& connection_;
  const std::string ledger_;
  Progress progress_;
  const Redaction redaction_;
  std::unique_ptr<BundleWriter> writer_;
  BundleParts parts_;
  Checkpoint head_;
  uint64_t begin_ = 0;
  uint64_t end_ = 0;
  uint64_t asked_begin_ = 0;  // leaves next to each other that are asked for, not yet opened
  uint64_t asked_end_ = 0;
  std::set<uint64_t> explains_;  // erasures still to be shown
};

// What was written is held against the pinned key, if there is one, before anybody relies on it;
// and as a page for people, unless `page` is empty. `path` names it in words.
absl::Status CheckBundle(const Connection& connection, const std::string& working_path,
                         const std::string& path, const std::string& page);

}  // namespace auditledger::ctl

#endif  // AUDITLEDGER_TOOLS_AUDITCTL_BUNDLER_H_
