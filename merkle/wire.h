// A strict reader of protobuf's wire format: minimal varints, no groups, no overrun.
//
// Example:
//   WireReader reader(message);
//   while (!reader.done()) {
//     ASSIGN_OR_RETURN(const WireField field, reader.Next());
//     ...
//   }
//
// Thread-safety: an object belongs to one thread and keeps a view of the bytes.
// Errors: InvalidArgument naming the field number, never a value.
// Source: the protobuf encoding specification; strictness is ours, so that two languages cannot
// read a stored event differently.
#ifndef AUDITLEDGER_MERKLE_WIRE_H_
#define AUDITLEDGER_MERKLE_WIRE_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace auditledger {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  absl::string_view record;  // tag, length and value
  absl::string_view value;   // the content of a length-delimited field, else empty
  uint64_t scalar = 0;       // varint and fixed values
};

class WireReader {
 public:
  explicit WireReader(absl::string_view message) : rest_(message) {}
  bool done() const { return rest_.empty(); }
  // REQUIRES: !done(). InvalidArgument when the bytes are not strictly encoded: a field number of
  // 0, a wire type other than the four above, a varint that is not minimal or exceeds 64 bits, a
  // value that is cut short. After an error the reader is of no further use.
  absl::StatusOr<WireField> Next();
  // The same into `field`, for whoever reads many.
  absl::Status Next(WireField& field);

 private:
  absl::string_view rest_;
};

// One field that a message may hold at most once, and where to put it.
struct SingularField {
  uint32_t number = 0;
  WireType type = WireType::kLengthDelimited;
  std::optional<WireField>* out = nullptr;
};

// Reads all of `message` strictly and gives the `wanted` fields; others are read over. `what` names
// the message in errors. InvalidArgument when the encoding is not strict, or a wanted field occurs
// twice or with another wire type: protobuf would take the last one, or none, and two readers could
// differ.
absl::Status ReadSingularFields(absl::string_view what, absl::string_view message,
                                std::initializer_list<SingularField> wanted);

// Append to a message. REQUIRES: 1 <= number < 2^29.
// Tag and length of a length-delimited field:
void PutLengthDelimitedPrefix(std::string& out, uint32_t number, size_t length);
// The whole of one:
void PutLengthDelimited(std::string& out, uint32_t number, absl::string_view value);
// A varint field:
void PutVarintField(std::string& out, uint32_t number, uint64_t value);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_WIRE_H_
