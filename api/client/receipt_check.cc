#include "api/client/receipt_check.h"

#include <utility>
#include <vector>

#include "auditledger/v1/event.pb.h"
#include "merkle/hash.h"
#include "merkle/header.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"
#include "merkle/wire.h"

namespace auditledger {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool DiffersByStarsAlone(absl::string_view sealed, absl::string_view sent) {
  if (sealed.size() != sent.size()) return false;
  for (size_t i = 0; i < sent.size(); ++i) {
    if (sealed[i] != sent[i] && sealed[i] != '*') return false;
  }
  return true;
}

// Whether `sealed` has the fields of `sent`, numbers and all, and texts that differ by stars alone.
// An event's identity, `is_event`, is the same.
bool IsMasked(const Descriptor* type, absl::string_view sealed, absl::string_view sent,
              bool is_event) {
  WireReader sealed_reader(sealed);
  WireReader sent_reader(sent);
  WireField a;
  WireField b;
  while (!sealed_reader.done() && !sent_reader.done()) {
    if (!sealed_reader.Next(a).ok() || !sent_reader.Next(b).ok()) return false;
    if (a.number != b.number || a.type != b.type || a.record.size() != b.record.size())
      return false;
    const FieldDescriptor* const field =
        type == nullptr ? nullptr : type->FindFieldByNumber(static_cast<int>(a.number));
    const bool is_identity = is_event && (a.number == v1::AuditEvent::kEventIdFieldNumber ||
                                          a.number == v1::AuditEvent::kSourceFieldNumber);
    const bool is_message = field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE;
    if (a.type != WireType::kLengthDelimited || is_identity) {
      if (a.record != b.record) return false;
    } else if (is_message) {
      if (!IsMasked(field->message_type(), a.value, b.value, false)) return false;
    } else if (!DiffersByStarsAlone(a.value, b.value)) {
      return false;
    }
  }
  return sealed_reader.done() && sent_reader.done();
}

}  // namespace

absl::StatusOr<std::string> SealedEventOf(const v1::Opening& opening, absl::string_view event) {
  ASSIGN_OR_RETURN(const EntryHeader header, ParseHeader(opening.header()));
  if ((header.flags & kFlagSecretsMasked) == 0) return std::string(event);
  const std::string& masked = opening.event();
  if (IsMasked(v1::AuditEvent::descriptor(), masked, event, /*is_event=*/true)) return masked;
  return absl::DataLossError(
      "receipt: what was sealed is another event, not this one with secrets masked");
}

absl::StatusOr<SignedCheckpoint> OpenPinnedHead(absl::string_view note, const PinnedLog& log) {
  auto opened = OpenCheckpoint(note, log.origin, log.key);
  for (const NoteVerifier& key : log.other_keys) {
    if (opened.ok()) break;
    auto by_other = OpenCheckpoint(note, log.origin, key);
    if (by_other.ok()) opened = std::move(by_other);
  }
  return opened;
}

absl::Status CheckReceipt(const v1::Receipt& receipt, absl::string_view event,
                          const PinnedLog& log) {
  ASSIGN_OR_RETURN(const SignedCheckpoint head, OpenPinnedHead(receipt.checkpoint().note(), log));
  return CheckReceiptUnder(head.checkpoint, receipt, event);
}

absl::Status CheckReceiptUnder(const Checkpoint& head, const v1::Receipt& receipt,
                               absl::string_view event) {
  if (receipt.inclusion().leaf_index() != receipt.index() ||
      receipt.inclusion().tree_size() != head.size) {
    return absl::DataLossError("receipt: its proof is for another index or head");
  }
  std::vector<Hash> proof;
  for (const std::string& raw : receipt.inclusion().hashes()) {
    ASSIGN_OR_RETURN(const Hash hash, Hash::FromBytes(raw));
    proof.push_back(hash);
  }
  RETURN_IF_ERROR(
      VerifyInclusion(receipt.index(), head.size, LeafHash(receipt.leaf()), proof, head.root));
  ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(receipt.leaf()));
  if (leaf.kind != EntryKind::kEvent)
    return absl::DataLossError("receipt: the entry is not an event");
  if (!receipt.has_opening())
    return absl::DataLossError("receipt: no opening, so it may be another event's");
  ASSIGN_OR_RETURN(std::string sealed, SealedEventOf(receipt.opening(), event));
  const Opening opening{receipt.opening().seed(), receipt.opening().header(), std::move(sealed)};
  return VerifyOpening(leaf, opening, std::nullopt);
}

}  // namespace auditledger
