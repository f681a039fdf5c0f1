#include "api/receipt_writer.h"

#include "auditledger/v1/proof.pb.h"
#include "merkle/header.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

// proto3 leaves out a number that is zero.
void PutNumber(std::string& out, int number, uint64_t value) {
  if (value != 0) PutVarintField(out, static_cast<uint32_t>(number), value);
}

void PutBytes(std::string& out, int number, absl::string_view value) {
  if (!value.empty()) PutLengthDelimited(out, static_cast<uint32_t>(number), value);
}

}  // namespace

ReceiptWriter::ReceiptWriter(const PublishedHead& head) : head_(head) {
  PutBytes(checkpoint_, v1::Checkpoint::kNoteFieldNumber, head.checkpoint);
}

void ReceiptWriter::Append(const AppendedEntry& entry, bool with_opening, uint32_t field,
                           std::string& out) {
  inclusion_.clear();
  PutNumber(inclusion_, v1::InclusionProof::kLeafIndexFieldNumber, entry.index);
  PutNumber(inclusion_, v1::InclusionProof::kTreeSizeFieldNumber, head_.head.size);
  for (const Hash& hash : entry.inclusion) {
    PutLengthDelimited(inclusion_, v1::InclusionProof::kHashesFieldNumber, hash.view());
  }

  receipt_.clear();
  PutNumber(receipt_, v1::Receipt::kIndexFieldNumber, entry.index);
  PutBytes(receipt_, v1::Receipt::kLeafFieldNumber, entry.leaf);
  PutLengthDelimited(receipt_, v1::Receipt::kInclusionFieldNumber, inclusion_);
  PutLengthDelimited(receipt_, v1::Receipt::kCheckpointFieldNumber, checkpoint_);
  if (with_opening) {
    std::string opening;
    PutBytes(opening, v1::Opening::kSeedFieldNumber, entry.seed);
    PutBytes(opening, v1::Opening::kHeaderFieldNumber, entry.header);
    PutLengthDelimited(receipt_, v1::Receipt::kOpeningFieldNumber, opening);
  }
  for (const std::string& flag : FlagNames(entry.flags)) {
    PutLengthDelimited(receipt_, v1::Receipt::kFlagsFieldNumber, flag);
  }
  PutNumber(receipt_, v1::Receipt::kRepeatedEventFieldNumber, entry.repeated ? 1 : 0);
  PutLengthDelimited(out, field, receipt_);
}

}  // namespace auditledger
