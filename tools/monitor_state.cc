#include "tools/monitor_state.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "merkle/hash.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using nlohmann::json;

// A note, and a line for each of a hundred places.
constexpr size_t kMaxStateBytes = 4 << 20;
constexpr size_t kDigestChars = 16;

absl::Status WriteOnce(const std::string& dir, const std::string& name, absl::string_view bytes,
                       size_t max_files, std::string* path) {
  const std::string wanted = absl::StrCat(dir, "/", name);
  if (!PathExists(wanted)) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
    if (names.size() >= max_files) return absl::OkStatus();
    RETURN_IF_ERROR(ReplaceFile(wanted, bytes, 0644));
  }
  *path = wanted;
  return absl::OkStatus();
}

std::string Digest(absl::string_view text) {
  return LeafHash(text).ToHex().substr(0, kDigestChars);
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

absl::StatusOr<std::string> WriteEvidence(const std::string& dir, const Evidence& evidence,
                                          size_t max_files) {
  const absl::string_view kind = EvidenceKindName(evidence.kind);
  std::string path;
  RETURN_IF_ERROR(
      WriteOnce(dir,
                absl::StrCat(kind, "-",
                             Digest(absl::StrCat(kind, "\n", evidence.index, "\n", evidence.first)),
                             ".evidence"),
                FormatEvidence(evidence), max_files, &path));
  return path;
}

absl::Status WriteSuspectHead(const std::string& dir, const SignedCheckpoint& head,
                              size_t max_files) {
  std::string path;
  return WriteOnce(dir, absl::StrCat(head.checkpoint.size, "-", Digest(head.note), ".head"),
                   head.note, max_files, &path);
}

}  // namespace auditledger
