#include "api/receipt_writer.h"

#include <bit>

#include "auditledger/v1/proof.pb.h"
#include "merkle/header.h"
#include "merkle/wire.h"

namespace auditledger {
namespace {

// What is written to it, or in its place how long that is.
class Text {
 public:
  explicit Text(std::string& out) : out_(out) {}
  void Number(int field, uint64_t value) {
    // proto3 leaves out a number that is zero.
    if (value != 0) PutVarintField(out_, static_cast<uint32_t>(field), value);
  }
  void Prefix(int field, size_t length) {
    PutLengthDelimitedPrefix(out_, static_cast<uint32_t>(field), length);
  }
  void Bytes(int field, absl::string_view value) {
    if (!value.empty()) PutLengthDelimited(out_, static_cast<uint32_t>(field), value);
  }
  void Written(absl::string_view fields) { out_.append(fields.data(), fields.size()); }
  void Hashes(int field, const std::vector<Hash>& hashes) {
    for (const Hash& hash : hashes) {
      PutLengthDelimited(out_, static_cast<uint32_t>(field), hash.view());
    }
  }

 private:
  std::string& out_;
};

size_t VarintLength(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}

class Length {
 public:
  size_t bytes() const { return bytes_; }
  void Number(int, uint64_t value) {
    if (value != 0) bytes_ += 1 + VarintLength(value);
  }
  void Prefix(int, size_t length) { bytes_ += 1 + VarintLength(length); }
  void Bytes(int field, absl::string_view value) {
    if (value.empty()) return;
    Prefix(field, value.size());
    bytes_ += value.size();
  }
  void Written(absl::string_view fields) { bytes_ += fields.size(); }
  void Hashes(int, const std::vector<Hash>& hashes) { bytes_ += hashes.size() * (2 + Hash::kSize); }

 private:
  size_t bytes_ = 0;
};
// The tag of a field up to 15 is one byte.
static_assert(v1::Receipt::kWitnessedFieldNumber <= 15);

template <typename Sink>
void WriteInclusion(const AppendedEntry& entry, uint64_t size, Sink& out) {
  out.Number(v1::InclusionProof::kLeafIndexFieldNumber, entry.index);
  out.Number(v1::InclusionProof::kTreeSizeFieldNumber, size);
  out.Hashes(v1::InclusionProof::kHashesFieldNumber, entry.inclusion);
}

template <typename Sink>
void WriteOpening(const AppendedEntry& entry, Sink& out) {
  out.Bytes(v1::Opening::kSeedFieldNumber, entry.seed);
  out.Bytes(v1::Opening::kHeaderFieldNumber, entry.header);
  out.Bytes(v1::Opening::kEventFieldNumber, entry.masked_event);
}

template <typename Write>
size_t LengthOf(const Write& write) {
  Length length;
  write(length);
  return length.bytes();
}

// A message in a message: its length, then itself.
template <typename Sink, typename Write>
void WriteMessage(Sink& out, int field, const Write& write) {
  out.Prefix(field, LengthOf(write));
  write(out);
}

// What receipts of one head share, encoded once.
struct Shared {
  uint64_t size = 0;
  absl::string_view checkpoint;
  absl::string_view flags;
  bool witnessed = false;
};

template <typename Sink>
void WriteReceipt(const AppendedEntry& entry, ReceiptForm form, bool with_opening,
                  const Shared& shared, Sink& out) {
  const bool whole = form == ReceiptForm::kWhole;
  out.Number(v1::Receipt::kIndexFieldNumber, entry.index);
  if (form != ReceiptForm::kBare) out.Bytes(v1::Receipt::kLeafFieldNumber, entry.leaf);
  if (whole || (form == ReceiptForm::kShared && entry.repeated)) {
    WriteMessage(out, v1::Receipt::kInclusionFieldNumber,
                 [&](auto& sink) { WriteInclusion(entry, shared.size, sink); });
  }
  if (whole) out.Bytes(v1::Receipt::kCheckpointFieldNumber, shared.checkpoint);
  if (with_opening) {
    WriteMessage(out, v1::Receipt::kOpeningFieldNumber,
                 [&](auto& sink) { WriteOpening(entry, sink); });
  }
  out.Written(shared.flags);
  out.Number(v1::Receipt::kRepeatedEventFieldNumber, entry.repeated ? 1 : 0);
  out.Number(v1::Receipt::kWitnessedFieldNumber, shared.witnessed ? 1 : 0);
}

}  // namespace

ReceiptWriter::ReceiptWriter(const PublishedHead& head) : head_(head) {
  Text(checkpoint_).Bytes(v1::Checkpoint::kNoteFieldNumber, head.checkpoint);
}

const std::string& ReceiptWriter::FlagsOf(const AppendedEntry& entry) {
  // Events of one emitter have the same ones, mostly.
  if (entry.flags == flags_of_) return flags_;
  flags_of_ = entry.flags;
  flags_.clear();
  Text text(flags_);
  for (const std::string& name : FlagNames(entry.flags)) {
    text.Bytes(v1::Receipt::kFlagsFieldNumber, name);
  }
  return flags_;
}

void ReceiptWriter::Append(const AppendedEntry& entry, ReceiptForm form, bool with_opening,
                           uint32_t field, std::string& out) {
  const Shared shared{head_.head.size, checkpoint_, FlagsOf(entry), head_.witnessed};
  Text text(out);
  WriteMessage(text, static_cast<int>(field),
               [&](auto& sink) { WriteReceipt(entry, form, with_opening, shared, sink); });
}

size_t ReceiptWriter::SizeOf(const AppendedEntry& entry, ReceiptForm form, bool with_opening,
                             uint32_t field) {
  const Shared shared{head_.head.size, checkpoint_, FlagsOf(entry), head_.witnessed};
  return LengthOf([&](Length& length) {
    WriteMessage(length, static_cast<int>(field),
                 [&](auto& sink) { WriteReceipt(entry, form, with_opening, shared, sink); });
  });
}

void ReceiptWriter::AppendCheckpoint(uint32_t field, std::string& out) const {
  Text(out).Bytes(static_cast<int>(field), checkpoint_);
}

void ReceiptWriter::AppendRange(uint64_t first_index, const std::vector<Hash>& proof,
                                uint32_t field, std::string& out) const {
  Text text(out);
  WriteMessage(text, static_cast<int>(field), [&](auto& sink) {
    sink.Number(v1::RangeProof::kFirstIndexFieldNumber, first_index);
    sink.Number(v1::RangeProof::kTreeSizeFieldNumber, head_.head.size);
    sink.Hashes(v1::RangeProof::kHashesFieldNumber, proof);
  });
}

}  // namespace auditledger
