// What a complete answer proves.
//
// Example:
//   ASSIGN_OR_RETURN(const CompleteAnswer answer, ParseCompleteAnswer(file));
//   ASSIGN_OR_RETURN(const SignedCheckpoint head, OpenCheckpoint(answer.checkpoint, origin, key));
//   const AnswerQuery asked = RecordedWithin(DeriveTag(index_key, {"patient", system, id}), march);
//   ASSIGN_OR_RETURN(const AnswerProven proven,
//                    VerifyCompleteAnswer(answer, head.checkpoint, asked,
//                    IndexKeyHash(index_key)));
//   if (proven.complete_size == head.checkpoint.size) ...   // exactly proven.entries, up to the
//   head
//
// Given that the map of the index head is the one that its leaves make (somebody makes it anew and
// compares: tag_map.h), `entries` are all entries below complete_size that carry the tag within the
// window, and each of them is in the log. Without that, each is still in the log, and none of the
// tail is left out. Nothing is said about events that carry another tag, or were never sent.
//
// Thread-safety: pure function. Cost: O(n log size) hashes for n leaves shown whole.
// Source: shared/design.md section 7; the argument: shared/reference/standards.md 4.4.
#ifndef AUDITLEDGER_MERKLE_ANSWER_CHECK_H_
#define AUDITLEDGER_MERKLE_ANSWER_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/checkpoint.h"
#include "merkle/complete_answer.h"
#include "merkle/hash.h"
#include "merkle/index_head.h"

namespace auditledger {

struct AnswerProven {
  // In the log's order. None: "none at all" is proven as well.
  std::vector<AnswerLeaf> entries;
  // Nothing below it is left out. The head's size; or, where the answer stops there, the index
  // head's.
  uint64_t complete_size = 0;
  // Whose map it rests on, and where its entry is; none where the log has no index head yet, and
  // all of it was shown.
  std::optional<IndexHead> index_head;
  uint64_t index_head_entry = 0;
};

// `head` is what answer.checkpoint says, once its signature was checked. `asked` is the asker's own
// question, never taken from the answer. With `index_key_hash` (IndexKeyHash, tags.h) the log's
// genesis must name that key: under another one everybody's tags are others, and all answers
// "none". InvalidArgument: another question, or not the form of such a proof; DataLoss: the form is
// right and what it says is not so. The message says which check failed, and of which entry.
absl::StatusOr<AnswerProven> VerifyCompleteAnswer(const CompleteAnswer& answer,
                                                  const Checkpoint& head, const AnswerQuery& asked,
                                                  std::optional<Hash> index_key_hash);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_ANSWER_CHECK_H_
