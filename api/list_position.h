// Where a listing stands: what a page token carries from one page to the next.
//
//   u8 version = 1 | u64 next | u64 size | checkpoint
//
// Example:
//   ASSIGN_OR_RETURN(ListPosition at, PositionOf(tokens, listing, request.page_token(), 0, *head));
//   ... at.next = ...
//   response.set_next_page_token(tokens.Seal(listing, EncodePosition(at)));
//
// Thread-safety: values and pure functions.
#ifndef AUDITLEDGER_API_LIST_POSITION_H_
#define AUDITLEDGER_API_LIST_POSITION_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/page_token.h"
#include "ledger/ledger.h"

namespace auditledger {

struct ListPosition {
  uint64_t next = 0;       // entry
  uint64_t size = 0;       // of the head that the whole listing is against
  std::string checkpoint;  // that head
};

std::string EncodePosition(const ListPosition& position);
// Of a first page (`page_token` is empty) at `start` under `head`, else where the token says.
// InvalidArgument (BAD_PAGE_TOKEN).
absl::StatusOr<ListPosition> PositionOf(const PageTokens& tokens, absl::string_view listing,
                                        const std::string& page_token, uint64_t start,
                                        const PublishedHead& head);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_LIST_POSITION_H_
