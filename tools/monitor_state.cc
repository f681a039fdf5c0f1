#include "tools/monitor_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "merkle/hash.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using nlohmann::json;

// A note, and a line for each of a hundred places.
constexpr size_t kMaxStateBytes = 4 << 20;
constexpr size_t kDigestChars = 16;

absl::StatusOr<std::string> WriteOnce(const std::string& dir, const std::string& stem,
                                      absl::string_view suffix, absl::string_view bytes,
                                      size_t max_files) {
  const std::string path = absl::StrCat(dir, "/", stem, suffix);
  if (PathExists(path)) return path;
  ASSIGN_OR_RETURN(const size_t files, CountFiles(dir, suffix));
  if (files >= max_files) return std::string();
  RETURN_IF_ERROR(ReplaceFile(path, bytes, 0644));
  return path;
}

std::string Digest(absl::string_view text) {
  return LeafHash(text).ToHex().substr(0, kDigestChars);
}

// Without the signatures: whoever adds lines to a note makes no other head of it.
absl::StatusOr<std::string> TextOf(absl::string_view note) {
  ASSIGN_OR_RETURN(Note parsed, ParseNote(note));
  return std::move(parsed.text);
}

// What tells one accusation from another. A history's second head is not in it: as that log grows,
// it is the same past, which the prefix names.
absl::StatusOr<std::string> Accusation(const Evidence& evidence) {
  ASSIGN_OR_RETURN(const std::string first, TextOf(evidence.first));
  std::string out =
      absl::StrCat(EvidenceKindName(evidence.kind), "\n", evidence.index, "\n", first);
  if (evidence.kind == Evidence::Kind::kHistory) {
    absl::StrAppend(&out, evidence.prefix.ToHex());
  } else if (evidence.kind == Evidence::Kind::kFork || evidence.kind == Evidence::Kind::kRollback) {
    ASSIGN_OR_RETURN(const std::string second, TextOf(evidence.second));
    absl::StrAppend(&out, second);
  } else if (evidence.kind == Evidence::Kind::kOrder) {
    absl::StrAppend(&out, evidence.second_index);
  }
  return out;
}

}  // namespace

absl::StatusOr<MonitorState> ReadMonitorState(const std::string& path) {
  MonitorState out;
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxStateBytes);
  if (absl::IsNotFound(text.status())) return out;
  RETURN_IF_ERROR(text.status());
  const json state = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto broken = [&] {
    return absl::DataLossError(absl::StrCat(path, ": is not a monitor's state"));
  };
  if (!state.is_object() || state.value("version", json()) != 1) return broken();
  const json last = state.value("last_size", json());
  const json cosigned = state.value("cosigned", json());
  const json cosigned_us = state.value("cosigned_us", json());
  if (!last.is_object() || !cosigned.is_string() || !cosigned_us.is_number_unsigned()) {
    return broken();
  }
  for (const auto& [place, size] : last.items()) {
    if (!size.is_number_unsigned()) return broken();
    out.last_size[place] = size.get<uint64_t>();
  }
  out.cosigned = cosigned.get<std::string>();
  out.cosigned_us = cosigned_us.get<uint64_t>();
  return out;
}

absl::Status WriteMonitorState(const std::string& path, const MonitorState& state) {
  const json text = {{"version", 1},
                     {"last_size", json(json::value_t::object)},
                     {"cosigned", state.cosigned},
                     {"cosigned_us", state.cosigned_us}};
  json full = text;
  for (const auto& [place, size] : state.last_size) full["last_size"][place] = size;
  return ReplaceFile(path, full.dump(1, ' ', false, json::error_handler_t::replace) + "\n", 0644);
}

absl::StatusOr<size_t> CountFiles(const std::string& dir, absl::string_view suffix) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  return static_cast<size_t>(
      std::count_if(names.begin(), names.end(),
                    [&](const std::string& name) { return absl::EndsWith(name, suffix); }));
}

absl::StatusOr<std::string> WriteEvidence(const std::string& dir, const Evidence& evidence,
                                          size_t max_files) {
  ASSIGN_OR_RETURN(const std::string accusation, Accusation(evidence));
  return WriteOnce(dir, absl::StrCat(EvidenceKindName(evidence.kind), "-", Digest(accusation)),
                   kEvidenceSuffix, FormatEvidence(evidence), max_files);
}

absl::StatusOr<std::string> WriteSuspectHead(const std::string& dir, const SignedCheckpoint& head,
                                             size_t max_files) {
  ASSIGN_OR_RETURN(const std::string text, TextOf(head.note));
  return WriteOnce(dir, absl::StrCat(head.checkpoint.size, "-", Digest(text)), kHeadSuffix,
                   head.note, max_files);
}

}  // namespace auditledger
