#include "ledger/identity_record.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "merkle/sha256.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;

constexpr absl::string_view kKey = "0123456789abcdef0123456789abcdef";

Mac128 First16(const Hash& hash) {
  Mac128 mac;
  std::copy_n(hash.bytes.begin(), 16, mac.begin());
  return mac;
}

TEST(IdentityRecordTest, MacsAreThoseOfTheHeader) {
  using namespace std::string_literals;
  const std::string identity = "identity\0\0\1p\0\2st\0\3abc"s;
  const Mac128 mac = IdentityMac(HmacKey(kKey), "p", "st", "abc");
  EXPECT_EQ(mac, First16(HmacSha256(kKey, {identity})));
  const std::string event = "event\0"s + std::string(mac.begin(), mac.end()) + "body";
  EXPECT_EQ(EventMac(HmacKey(kKey), mac, "body"), First16(HmacSha256(kKey, {event})));
}

TEST(IdentityRecordTest, NoTwoDivisionsOfTheSameTextAgree) {
  EXPECT_NE(IdentityMac(HmacKey(kKey), "ab", "c", "d"), IdentityMac(HmacKey(kKey), "a", "bc", "d"));
  EXPECT_NE(IdentityMac(HmacKey(kKey), "a", "bc", "d"), IdentityMac(HmacKey(kKey), "a", "b", "cd"));
  EXPECT_NE(IdentityMac(HmacKey(kKey), "", "", ""),
            IdentityMac(HmacKey("another key"), "", "", ""));
}

IdentityRecord SomeRecord() {
  IdentityRecord record;
  for (uint8_t i = 0; i < 16; ++i) {
    record.identity_mac[i] = i;
    record.event_mac[i] = static_cast<uint8_t>(0x80 + i);
  }
  record.stream_number = 0x01020304;
  record.stream_sequence = 0x1112131415161718;
  return record;
}

TEST(IdentityRecordTest, ReadsBackAndHasTheLengthOfItsLayout) {
  const std::string bytes = EncodeIdentityRecord(SomeRecord());
  EXPECT_EQ(bytes.size(), 45u);
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(bytes.substr(33), "\x01\x02\x03\x04\x11\x12\x13\x14\x15\x16\x17\x18");
  ASSERT_OK_AND_ASSIGN(const IdentityRecord read, ParseIdentityRecord(bytes));
  EXPECT_EQ(read, SomeRecord());
}

TEST(IdentityRecordTest, RefusesOtherLengthsAndVersions) {
  std::string bytes = EncodeIdentityRecord(SomeRecord());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ParseIdentityRecord(bytes.substr(0, size)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(ParseIdentityRecord(bytes + '\0'), StatusIs(absl::StatusCode::kInvalidArgument));
  for (const char version : {0, 2, -1}) {
    bytes[0] = version;
    EXPECT_THAT(ParseIdentityRecord(bytes), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace auditledger
