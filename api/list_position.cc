#include "api/list_position.h"

#include "merkle/bytes.h"
#include "merkle/status_macros.h"

namespace auditledger {

std::string EncodePosition(const ListPosition& position) {
  std::string out;
  PutU8(out, 1);
  PutU64(out, position.next);
  PutU64(out, position.size);
  out += position.checkpoint;
  return out;
}

absl::StatusOr<ListPosition> PositionOf(const PageTokens& tokens, absl::string_view listing,
                                        const std::string& page_token, uint64_t start,
                                        const PublishedHead& head) {
  if (page_token.empty()) return ListPosition{start, head.head.size, head.checkpoint};
  ASSIGN_OR_RETURN(const std::string body, tokens.Open(listing, page_token));
  ListPosition out;
  ByteReader reader(body);
  uint8_t version = 0;
  RETURN_IF_ERROR(reader.U8("page_token", version));
  RETURN_IF_ERROR(reader.U64("page_token", out.next));
  RETURN_IF_ERROR(reader.U64("page_token", out.size));
  out.checkpoint = std::string(reader.rest());
  return out;
}

}  // namespace auditledger
