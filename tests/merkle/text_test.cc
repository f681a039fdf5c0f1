#include "merkle/text.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::StatusIs;

TEST(TextTest, TakesLineByLine) {
  absl::string_view rest = "one\n\ntwo\nrest";
  absl::string_view line;
  for (const char* want : {"one", "", "two"}) {
    ASSERT_OK(TakeLine("test", rest, line));
    EXPECT_EQ(line, want);
  }
  EXPECT_THAT(TakeLine("test", rest, line), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_EQ(rest, "rest");
}

TEST(TextTest, DecimalsAreAsPrintedAndBelowTwoTo63) {
  ASSERT_OK_AND_ASSIGN(const uint64_t zero, ParseDecimal("n", "0"));
  EXPECT_EQ(zero, 0u);
  ASSERT_OK_AND_ASSIGN(const uint64_t most, ParseDecimal("n", "9223372036854775807"));
  EXPECT_EQ(most, 9223372036854775807u);
  for (const char* bad :
       {"", "00", "01", "-1", "+1", " 1", "1 ", "1a", "0x1", "9223372036854775808",
        "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_THAT(ParseDecimal("n", bad), StatusIs(StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(TextTest, Utf8IsWellFormed) {
  const std::pair<absl::string_view, char32_t> good[] = {{"a", 'a'},
                                                         {"\x7f", 0x7f},
                                                         {"\xc2\x80", 0x80},
                                                         {"\xdf\xbf", 0x7ff},
                                                         {"\xe0\xa0\x80", 0x800},
                                                         {"\xed\x9f\xbf", 0xd7ff},
                                                         {"\xee\x80\x80", 0xe000},
                                                         {"\xf0\x90\x80\x80", 0x10000},
                                                         {"\xf4\x8f\xbf\xbf", 0x10ffff}};
  for (const auto& [bytes, want] : good) {
    absl::string_view rest = bytes;
    char32_t character = 0;
    EXPECT_TRUE(TakeUtf8(rest, character));
    EXPECT_EQ(character, want);
    EXPECT_TRUE(rest.empty());
  }
  for (absl::string_view bad :
       {"", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xc2", "\xe2\x80",
        "\xc2\x41", "\xe2\x28\xa1"}) {
    absl::string_view rest = bad;
    char32_t character = 0;
    EXPECT_FALSE(TakeUtf8(rest, character)) << ::testing::PrintToString(std::string(bad));
    EXPECT_EQ(rest, bad);
  }
}

TEST(TextTest, NotesHoldNoControlCharactersButLf) {
  EXPECT_OK(CheckNoteCharacters("note", "a\nb \x7f \xe2\x80\x94"));
  for (char c = 0; c < 0x20; ++c) {
    if (c == '\n') continue;
    EXPECT_THAT(CheckNoteCharacters("note", std::string("ab") + c),
                StatusIs(StatusCode::kInvalidArgument, "note: control character at byte 2"));
  }
  EXPECT_THAT(CheckNoteCharacters("note", "abc\xff"),
              StatusIs(StatusCode::kInvalidArgument, "note: invalid UTF-8 at byte 3"));
}

}  // namespace
}  // namespace auditledger
