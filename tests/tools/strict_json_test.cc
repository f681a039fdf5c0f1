#include "tools/strict_json.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::nlohmann::json;
using ::testing::HasSubstr;

TEST(StrictJsonTest, SaysWhatItReadAgain) {
  for (const char* text : {"null", "true", "-1", "18446744073709551615", "1.10", "1e-3", "-0.0",
                           "\"\"", "\"\\\"\\\\ \xc3\xa9\\t\"", "[]", "{}",
                           "[1.50,[2],{\"a\":[0.0]}]", "\"1.5\"", "[\"\\\\u0001 is no mark\"]"}) {
    ASSERT_OK_AND_ASSIGN(const json value, ParseStrictJson(text, JsonLimits{}));
    EXPECT_EQ(FormatJson(value), text);
  }
}

TEST(StrictJsonTest, ErrorsSayWhere) {
  const auto refused = [](const std::string& text, const std::string& why) {
    EXPECT_THAT(ParseStrictJson(text, JsonLimits{}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << text;
  };
  refused("", "line 1, column 1");
  refused("[1,]", "line 1, column 4");
  refused("{\n\"a\":1,\n\"b\" 2}", "line 3, column 5");
  refused("1 2", "line 1, column 3");
  refused("// no\n1", "not valid JSON");
  refused("[1e999]", "not valid JSON");
  refused("{\"a\":{\"b\":1,\"b\":2}}", "JSON at /a: the name \"b\" occurs twice");
  refused("{\"a\":[0,{\"c\":1,\"c\":1}]}", "JSON at /a/1:");
  refused("\"\\u0001\"", "control character");
  refused("{\"\\u0000\":1}", "JSON at the top: name holds a control character");
  refused("\"\\ud800\"", "not valid JSON");
  refused("\"\xc0\x80\"", "not valid JSON");
}

}  // namespace
}  // namespace auditledger
