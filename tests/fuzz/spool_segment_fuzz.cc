// Files of a spool: whatever is read is what was written, up to some record, or it is refused.
// Nothing random gets past a tag, so a tag that fits is added, or a file is made and then hurt as
// the input says. The first byte chooses.
#include <algorithm>
#include <string>
#include <vector>

#include "api/client/settled_store.h"
#include "api/client/spool_key.h"
#include "api/client/spool_segment.h"
#include "api/client/spool_state.h"
#include "merkle/bytes.h"
#include "tests/fuzz/fuzz_check.h"

namespace auditledger {
namespace {

const SpoolKey& Key() {
  static const SpoolKey key = SpoolKey::FromBytes(std::string(kSpoolKeyBytes, 'k')).value();
  return key;
}

void CheckHeader(absl::string_view input) {
  constexpr size_t kFields = kSegmentHeaderBytes - kSpoolTagBytes;
  if (input.size() < kFields) return;
  std::string bytes(input.substr(0, kFields));
  SpoolCipher cipher = SpoolCipher::Derive(Key(), "auditledger/spool/v1", bytes).value();
  FUZZ_CHECK(cipher.Seal(UINT64_MAX, "", "", bytes).ok());
  const auto header = ParseSegmentHeader(Key(), bytes);
  if (header.ok()) FUZZ_CHECK(SegmentWriter::Begin(Key(), *header)->header_bytes() == bytes);
}

void CheckState(absl::string_view input) {
  const std::string salt(kSpoolSaltBytes, 's');
  std::string bytes = "\x02" + salt;
  const std::string begin = bytes;
  SpoolCipher cipher = SpoolCipher::Derive(Key(), "auditledger/spool-state/v1", salt).value();
  FUZZ_CHECK(cipher.Seal(0, begin, input, bytes).ok());
  const auto state = ParseSpoolState(Key(), bytes);
  if (state.ok()) FUZZ_CHECK(EncodeSpoolState(Key(), *state, salt).value() == bytes);
}

struct File {
  std::string bytes;
  std::vector<std::string> records;
};

// `lengths`: two bytes each, and how many of the records before it were synced.
File Make(absl::string_view lengths) {
  SegmentHeader header;
  header.number = header.first_record = 1;
  header.salt = std::string(kSpoolSaltBytes, 's');
  SegmentWriter writer = SegmentWriter::Begin(Key(), header).value();
  File file{writer.header_bytes(), {}};
  ByteReader in(lengths);
  uint16_t length = 0;
  uint8_t behind = 0;
  while (file.records.size() < 8 && in.U16("length", length).ok() && in.U8("behind", behind).ok()) {
    file.records.push_back(std::string(length % 2048, 'r'));
    const uint32_t synced = writer.records() - std::min<uint32_t>(behind % 4, writer.records());
    FUZZ_CHECK(writer.Add(file.records.back(), synced, file.bytes).ok());
  }
  return file;
}

// u8 how | u16 where | u16 how much | lengths
void CheckHurt(absl::string_view input) {
  ByteReader in(input);
  uint8_t how = 0;
  uint16_t where = 0;
  uint16_t much = 0;
  if (!in.U8("how", how).ok() || !in.U16("where", where).ok() || !in.U16("much", much).ok()) return;
  const File file = Make(in.rest());
  std::string hurt = file.bytes;
  const size_t at = where % hurt.size();
  const size_t count = std::min<size_t>(much, hurt.size() - at);
  if (how % 4 == 0) hurt.resize(at);
  if (how % 4 == 1) hurt.replace(at, count, std::string(count, '\0'));
  if (how % 4 == 2) hurt[at] = static_cast<char>(hurt[at] ^ (1 << much % 8));
  if (how % 4 == 3) hurt.insert(at, hurt.substr(0, count));
  const auto segment = ParseSegment(Key(), hurt, std::nullopt);
  if (!segment.ok()) return;
  FUZZ_CHECK(segment->bytes + segment->torn_bytes == hurt.size());
  FUZZ_CHECK(segment->records.size() <= file.records.size());
  FUZZ_CHECK(std::equal(segment->records.begin(), segment->records.end(), file.records.begin()));
  // A bit that flipped is never taken for a crash.
  if (how % 4 == 2) FUZZ_CHECK(hurt == file.bytes);
  const auto as_older = ParseSegment(Key(), hurt, segment->bytes);
  FUZZ_CHECK(as_older.ok() && as_older->records == segment->records);
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  absl::string_view input = FuzzInput(data, size);
  if (input.empty()) return 0;
  const char kind = input[0];
  input.remove_prefix(1);
  if (kind == 'B') ParseSegment(Key(), input, std::nullopt).IgnoreError();
  if (kind == 'H') CheckHeader(input);
  if (kind == 'S') CheckState(input);
  if (kind == 'X') CheckHurt(input);
  if (kind == 'R') ParseKeptReceipt(input).IgnoreError();
  if (kind == 'F') ParseRefusedEvent(input).IgnoreError();
  return 0;
}
