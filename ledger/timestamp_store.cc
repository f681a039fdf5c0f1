#include "ledger/timestamp_store.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ledger/posix_file.h"
#include "merkle/note.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/timestamp.h"

namespace auditledger {
namespace {

constexpr char kCheckpoint[] = ".checkpoint";
constexpr char kToken[] = ".tst";
constexpr char kReceipt[] = ".tlog-proof";
// A receipt's note and 63 hashes; its leaf is some hundred bytes.
constexpr size_t kMaxReceiptBytes = kMaxNoteBytes + 65536;

// Sizes have twelve digits or more, without further zeros before them.
bool BySize(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace

std::string TimestampStore::Path(const std::string& stem, const char* extension) const {
  return absl::StrCat(dir_, "/", stem, extension);
}

absl::StatusOr<std::vector<std::string>> TimestampStore::List() const {
  if (!PathExists(dir_)) return std::vector<std::string>();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir_));
  const std::set<std::string> there(names.begin(), names.end());
  std::vector<std::string> out;
  for (absl::string_view name : names) {
    if (!absl::ConsumeSuffix(&name, kToken) || !IsTimestampFileStem(name)) continue;
    if (there.count(absl::StrCat(name, kCheckpoint)) > 0) out.emplace_back(name);
  }
  std::sort(out.begin(), out.end(), BySize);
  return out;
}

absl::StatusOr<StoredTimestamp> TimestampStore::Read(const std::string& stem) const {
  if (!IsTimestampFileStem(stem)) return absl::InvalidArgumentError("not the name of a timestamp");
  StoredTimestamp out;
  out.stem = stem;
  ASSIGN_OR_RETURN(out.checkpoint, ReadWholeFile(Path(stem, kCheckpoint), kMaxNoteBytes));
  ASSIGN_OR_RETURN(out.token, ReadWholeFile(Path(stem, kToken), kMaxTimestampBytes));
  if (!absl::EndsWith(TimestampFileStem(0, Sha256({out.token})), stem.substr(stem.find('-')))) {
    return absl::DataLossError(absl::StrCat(Path(stem, kToken), ": is not the token of that name"));
  }
  if (PathExists(Path(stem, kReceipt))) {
    ASSIGN_OR_RETURN(out.receipt, ReadWholeFile(Path(stem, kReceipt), kMaxReceiptBytes));
  }
  return out;
}

absl::Status TimestampStore::Put(const StoredTimestamp& timestamp) const {
  RETURN_IF_ERROR(MakeDirectory(dir_));
  RETURN_IF_ERROR(ReplaceFile(Path(timestamp.stem, kCheckpoint), timestamp.checkpoint));
  return ReplaceFile(Path(timestamp.stem, kToken), timestamp.token);
}

absl::Status TimestampStore::PutReceipt(const std::string& stem, const std::string& receipt) const {
  return ReplaceFile(Path(stem, kReceipt), receipt);
}

}  // namespace auditledger
