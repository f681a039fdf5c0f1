#include "api/client/spool_state.h"

#include "absl/strings/str_cat.h"
#include "api/client/spool_segment.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 2;
constexpr char kLabel[] = "auditledger/spool-state/v1";

absl::Status Text(ByteReader& in, absl::string_view what, absl::string_view& out) {
  uint32_t length = 0;
  RETURN_IF_ERROR(in.U32(what, length));
  return in.Raw(what, length, out);
}

absl::StatusOr<SpoolState> Decode(absl::string_view fields) {
  SpoolState state;
  ByteReader in(fields);
  absl::string_view stream;
  absl::string_view head;
  RETURN_IF_ERROR(in.U64("epoch", state.epoch));
  RETURN_IF_ERROR(in.U64("acknowledged", state.acknowledged));
  RETURN_IF_ERROR(in.U64("newest file", state.newest_file));
  RETURN_IF_ERROR(Text(in, "stream", stream));
  RETURN_IF_ERROR(Text(in, "head", head));
  RETURN_IF_ERROR(in.Finish("state"));
  state.stream = std::string(stream);
  state.head = std::string(head);
  return state;
}

}  // namespace

absl::StatusOr<std::string> EncodeSpoolState(const SpoolKey& key, const SpoolState& state,
                                             absl::string_view salt) {
  std::string fields;
  PutU64(fields, state.epoch);
  PutU64(fields, state.acknowledged);
  PutU64(fields, state.newest_file);
  for (const std::string* text : {&state.stream, &state.head}) {
    PutU32(fields, static_cast<uint32_t>(text->size()));
    fields += *text;
  }
  std::string out;
  PutU8(out, kVersion);
  out.append(salt.data(), salt.size());
  ASSIGN_OR_RETURN(SpoolCipher cipher, SpoolCipher::Derive(key, kLabel, salt));
  const std::string begin = out;
  RETURN_IF_ERROR(cipher.Seal(0, begin, fields, out));
  if (out.size() <= kMaxSpoolStateBytes) return out;
  return absl::InvalidArgumentError(absl::StrCat("a head of ", state.head.size(), " bytes"));
}

absl::StatusOr<SpoolState> ParseSpoolState(const SpoolKey& key, absl::string_view bytes) {
  constexpr size_t kBegin = 1 + kSpoolSaltBytes;
  if (bytes.size() < kBegin || static_cast<uint8_t>(bytes[0]) != kVersion) {
    return absl::DataLossError("is too short, or not of version 2");
  }
  ASSIGN_OR_RETURN(SpoolCipher cipher,
                   SpoolCipher::Derive(key, kLabel, bytes.substr(1, kSpoolSaltBytes)));
  const auto fields = cipher.Open(0, bytes.substr(0, kBegin), bytes.substr(kBegin));
  if (!fields.ok()) return absl::DataLossError("was damaged, or is under another key");
  auto state = Decode(*fields);
  if (state.ok()) return state;
  return absl::DataLossError(state.status().message());
}

}  // namespace auditledger
