#include "merkle/key_change_list.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/base64.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"
#include "merkle/tlog_proof.h"

namespace auditledger {
namespace {

constexpr absl::string_view kWhat = "key changes";
constexpr absl::string_view kTitle = "auditledger/key-changes/v1";

absl::Status Bad(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(kWhat, ": ", why));
}

absl::Status ReadChange(absl::string_view line, size_t space, KeyChangeList& list) {
  if (list.changes.size() == kMaxKeyChanges) {
    return Bad(absl::StrCat("over ", kMaxKeyChanges, " changes"));
  }
  LoggedKeyChange change;
  ASSIGN_OR_RETURN(change.index, ParseDecimal("key changes index", line.substr(0, space)));
  ASSIGN_OR_RETURN(change.leaf, DecodeBase64("key changes leaf", line.substr(space + 1)));
  if (change.leaf.empty() || change.leaf.size() > kMaxLeafBytes) {
    return Bad("a leaf of no possible length");
  }
  if (!list.changes.empty() && change.index <= list.changes.back().index) {
    return Bad("indexes do not ascend");
  }
  if (list.size > 0 && change.index >= list.size) return Bad("an index beyond the size");
  list.changes.push_back(std::move(change));
  return absl::OkStatus();
}

absl::Status ReadHash(absl::string_view line, KeyChangeList& list) {
  if (list.changes.empty() || list.size == 0) return Bad("a hash that belongs to no proof");
  std::vector<Hash>& proof = list.changes.back().inclusion;
  if (proof.size() == kMaxProofHashes)
    return Bad(absl::StrCat("over ", kMaxProofHashes, " hashes"));
  ASSIGN_OR_RETURN(const std::string bytes, DecodeBase64("key changes hash", line));
  if (bytes.size() != Hash::kSize) return Bad("a hash of another length");
  ASSIGN_OR_RETURN(const Hash hash, Hash::FromBytes(bytes));
  proof.push_back(hash);
  return absl::OkStatus();
}

}  // namespace

std::string FormatKeyChangeList(const KeyChangeList& list) {
  std::string out = absl::StrCat(kTitle, "\n", list.origin, "\n", list.size, "\n");
  for (const LoggedKeyChange& change : list.changes) {
    absl::StrAppend(&out, change.index, " ", EncodeBase64(change.leaf), "\n");
    if (list.size == 0) continue;
    for (const Hash& hash : change.inclusion) {
      absl::StrAppend(&out, EncodeBase64(hash.view()), "\n");
    }
  }
  return out;
}

absl::StatusOr<KeyChangeList> ParseKeyChangeList(absl::string_view text) {
  if (text.size() > kMaxKeyChangeListBytes) {
    return Bad(absl::StrCat("over ", kMaxKeyChangeListBytes, " bytes"));
  }
  KeyChangeList list;
  absl::string_view line;
  RETURN_IF_ERROR(TakeLine(kWhat, text, line));
  if (line != kTitle) return Bad(absl::StrCat("does not begin \"", kTitle, "\""));
  RETURN_IF_ERROR(TakeLine("key changes origin", text, line));
  RETURN_IF_ERROR(CheckNoteCharacters("key changes origin", line));
  if (line.empty()) return Bad("has no origin");
  list.origin = std::string(line);
  RETURN_IF_ERROR(TakeLine("key changes size", text, line));
  ASSIGN_OR_RETURN(list.size, ParseDecimal("key changes size", line));
  while (!text.empty()) {
    RETURN_IF_ERROR(TakeLine(kWhat, text, line));
    const size_t space = line.find(' ');
    RETURN_IF_ERROR(space == absl::string_view::npos ? ReadHash(line, list)
                                                     : ReadChange(line, space, list));
  }
  return list;
}

}  // namespace auditledger
