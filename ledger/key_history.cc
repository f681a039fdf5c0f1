#include "ledger/key_history.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "merkle/key_change_list.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"

namespace auditledger {
namespace {

std::string PathIn(const std::string& dir) { return absl::StrCat(dir, "/", kKeyChangesFile); }

bool IsKeyChange(absl::string_view bytes) {
  const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
  return leaf.ok() && leaf->kind == EntryKind::kKeyChange;
}

// Appends the changes in [begin, end) to `out`, behind those it has.
absl::Status ScanLeaves(uint64_t begin, uint64_t end, Engine& engine,
                        std::vector<LoggedKeyChange>& out) {
  return engine.Scan(RecordKind::kLeaf, begin, end, [&](uint64_t index, absl::string_view bytes) {
    const bool known = !out.empty() && out.back().index >= index;
    if (!known && IsKeyChange(bytes)) out.push_back({index, std::string(bytes), {}});
    return out.size() <= kMaxKeyChanges;
  });
}

// Of what the file says, that which the log has; and the changes beyond the signed head, and one at
// the log's very end, which the file gets after it.
absl::StatusOr<std::vector<LoggedKeyChange>> Remembered(const KeyHistoryQuestion& question,
                                                        Engine& engine) {
  std::vector<LoggedKeyChange> out;
  for (LoggedKeyChange& change : ReadKeyChangesFile(question.dir, question.current.name())) {
    if (change.index >= question.size) continue;
    const absl::StatusOr<std::string> leaf = engine.Read(RecordKind::kLeaf, change.index);
    if (absl::IsNotFound(leaf.status())) continue;
    RETURN_IF_ERROR(leaf.status());
    if (*leaf == change.leaf) out.push_back(std::move(change));
  }
  const uint64_t last = question.size - 1;
  if (question.signed_size < last) {
    // What cannot be read there is not signed either (read_back.h).
    ScanLeaves(question.signed_size, last, engine, out).IgnoreError();
  }
  ASSIGN_OR_RETURN(std::string leaf, engine.Read(RecordKind::kLeaf, last));
  if (IsKeyChange(leaf) && (out.empty() || out.back().index < last)) {
    out.push_back({last, std::move(leaf), {}});
  }
  return out;
}

}  // namespace

absl::Status CheckKeyHistory(const KeyHistoryQuestion& question,
                             const std::vector<LoggedKeyChange>& changes) {
  ASSIGN_OR_RETURN(const KeyChain chain, KeyChain::BuildFromLeaves(question.current, changes));
  if (LogKeyHash(chain.first().type(), chain.first().public_key()) != question.genesis_key_hash) {
    return absl::FailedPreconditionError(
        absl::StrCat(changes.empty() ? "log.key" : "the first key of those that were rotated",
                     " is not the key that the genesis entry names"));
  }
  const std::vector<NoteVerifier> keys = chain.KeysOf(question.size);
  const bool signs = std::any_of(keys.begin(), keys.end(), [&](const NoteVerifier& key) {
    return key.public_key() == question.current.public_key();
  });
  if (signs) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the key here is ", question.current.ToVkey(), ", and the log was rotated to ",
                   chain.current().ToVkey(), ": bring the newest key folder back"));
}

absl::StatusOr<std::vector<LoggedKeyChange>> FindKeyHistory(const KeyHistoryQuestion& question,
                                                            Engine& engine) {
  std::vector<LoggedKeyChange> changes;
  if (!question.read_all) {
    ASSIGN_OR_RETURN(changes, Remembered(question, engine));
    if (CheckKeyHistory(question, changes).ok()) return changes;
  }
  changes.clear();
  RETURN_IF_ERROR(ScanLeaves(0, question.size, engine, changes));
  RETURN_IF_ERROR(CheckKeyHistory(question, changes));
  return changes;
}

absl::Status CheckNextKeyChange(const NoteVerifier& current,
                                const std::vector<LoggedKeyChange>& known, uint64_t index,
                                absl::string_view body) {
  ASSIGN_OR_RETURN(const KeyChange change, ParseKeyChange(body));
  if (change.old_key != current.public_key()) {
    return absl::FailedPreconditionError("it is not from the key that signs now");
  }
  std::vector<KeyChangeEntry> entries;
  for (const LoggedKeyChange& logged : known) {
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(logged.leaf));
    entries.push_back({logged.index, leaf.body});
  }
  entries.push_back({index, std::string(body)});
  return KeyChain::Build(current, entries).status();
}

std::vector<LoggedKeyChange> ReadKeyChangesFile(const std::string& dir, const std::string& origin) {
  const auto text = ReadWholeFile(PathIn(dir), kMaxKeyChangeListBytes);
  absl::StatusOr<KeyChangeList> list = text.ok() ? ParseKeyChangeList(*text) : text.status();
  if (!list.ok() || list->origin != origin) return {};
  for (LoggedKeyChange& change : list->changes) change.inclusion.clear();
  return std::move(list->changes);
}

absl::Status SaveKeyChangesFile(const std::string& dir, const std::string& origin,
                                const std::vector<LoggedKeyChange>& changes, mode_t mode) {
  if (ReadKeyChangesFile(dir, origin) == changes) return absl::OkStatus();
  return ReplaceFile(PathIn(dir), FormatKeyChangeList({origin, 0, changes}), mode);
}

}  // namespace auditledger
