// Any bytes: the reader ends, and what it took, put together, is what it was given.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "merkle/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  WireReader reader(bytes);
  std::string taken;
  while (!reader.done()) {
    const absl::StatusOr<WireField> field = reader.Next();
    if (!field.ok()) return 0;
    taken.append(field->record.data(), field->record.size());
    if (field->type != WireType::kLengthDelimited) continue;
    std::string again;
    PutLengthDelimitedPrefix(again, field->number, field->value.size());
    again.append(field->value.data(), field->value.size());
    if (again != field->record) std::abort();
  }
  if (taken != bytes) std::abort();
  return 0;
}
