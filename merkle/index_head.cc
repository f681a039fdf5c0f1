#include "merkle/index_head.h"

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kBodyVersion = 1;

}  // namespace

std::string EncodeIndexHead(const IndexHead& head) {
  std::string out;
  PutU8(out, kBodyVersion);
  PutU64(out, head.size);
  absl::StrAppend(&out, head.map_root.view());
  return out;
}

absl::StatusOr<IndexHead> ParseIndexHead(absl::string_view body) {
  ByteReader in(body);
  uint8_t version = 0;
  RETURN_IF_ERROR(in.U8("index head version", version));
  if (version != kBodyVersion) {
    return absl::InvalidArgumentError(absl::StrCat("index head version: ", version, " is unknown"));
  }
  IndexHead head;
  RETURN_IF_ERROR(in.U64("index head size", head.size));
  if (head.size == 0) {
    return absl::InvalidArgumentError("index head size: of no entries no map is made");
  }
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw("index head map_root", Hash::kSize, raw));
  ASSIGN_OR_RETURN(head.map_root, Hash::FromBytes(raw));
  RETURN_IF_ERROR(in.Finish("index head"));
  return head;
}

}  // namespace auditledger
