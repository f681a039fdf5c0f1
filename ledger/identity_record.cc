#include "ledger/identity_record.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

constexpr uint8_t kVersion = 1;
// With their closing 0x00: neither is a prefix of the other.
constexpr absl::string_view kIdentityLabel("identity", 9);
constexpr absl::string_view kEventLabel("event", 6);

absl::string_view View(const Mac128& mac) {
  return absl::string_view(reinterpret_cast<const char*>(mac.data()), mac.size());
}

Mac128 Truncate(const Hash& hash) {
  Mac128 mac;
  std::copy_n(hash.bytes.begin(), mac.size(), mac.begin());
  return mac;
}

absl::Status ReadMac(ByteReader& in, absl::string_view what, Mac128& mac) {
  absl::string_view raw;
  RETURN_IF_ERROR(in.Raw(what, mac.size(), raw));
  std::copy(raw.begin(), raw.end(), mac.begin());
  return absl::OkStatus();
}

}  // namespace

Mac128 IdentityMac(const HmacKey& dedup_key, absl::string_view principal,
                   absl::string_view stream_id, absl::string_view event_id) {
  const auto length = [](absl::string_view part) {
    return std::array<char, 2>{static_cast<char>(part.size() >> 8), static_cast<char>(part.size())};
  };
  const std::array<char, 2> lengths[] = {length(principal), length(stream_id), length(event_id)};
  const auto view = [&lengths](size_t i) { return absl::string_view(lengths[i].data(), 2); };
  return Truncate(
      dedup_key.Mac({kIdentityLabel, view(0), principal, view(1), stream_id, view(2), event_id}));
}

Mac128 EventMac(const HmacKey& dedup_key, const Mac128& identity, absl::string_view event) {
  return Truncate(dedup_key.Mac({kEventLabel, View(identity), event}));
}

std::string EncodeIdentityRecord(const IdentityRecord& record) {
  std::string out;
  out.reserve(1 + 2 * sizeof(Mac128) + sizeof(uint32_t) + sizeof(uint64_t));
  PutU8(out, kVersion);
  absl::StrAppend(&out, View(record.identity_mac), View(record.event_mac));
  PutU32(out, record.stream_number);
  PutU64(out, record.stream_sequence);
  return out;
}

absl::StatusOr<IdentityRecord> ParseIdentityRecord(absl::string_view bytes) {
  ByteReader in(bytes);
  uint8_t version = 0;
  RETURN_IF_ERROR(in.U8("identity record version", version));
  if (version != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("identity record: version ", version, " is unknown"));
  }
  IdentityRecord record;
  RETURN_IF_ERROR(ReadMac(in, "identity MAC", record.identity_mac));
  RETURN_IF_ERROR(ReadMac(in, "event MAC", record.event_mac));
  RETURN_IF_ERROR(in.U32("stream number", record.stream_number));
  RETURN_IF_ERROR(in.U64("stream sequence", record.stream_sequence));
  RETURN_IF_ERROR(in.Finish("identity record"));
  return record;
}

}  // namespace auditledger
