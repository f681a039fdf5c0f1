#include "api/access/jwt_json.h"

#include <gmock/gmock.h>

#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::StatusIs;

TEST(JwtJson, ReadsMembersByTheirType) {
  ASSERT_OK_AND_ASSIGN(
      const JsonObject json,
      JsonObject::Parse(R"({"t":"a\u00e9","n":-3,"l":["x","y"],"o":{"i":7},"os":[{"i":1},{}]})"));
  EXPECT_EQ(json.Text("t").value(), "a\xc3\xa9");
  EXPECT_EQ(json.Integer("n").value(), -3);
  EXPECT_THAT(json.Texts("l").value(), ElementsAre("x", "y"));
  EXPECT_THAT(json.Texts("t").value(), ElementsAre("a\xc3\xa9")) << "one is a list of one";
  EXPECT_EQ(json.Object("o")->Integer("i").value(), 7);
  EXPECT_EQ(json.Objects("os")->size(), 2u);
  EXPECT_TRUE(json.Has("t"));
  EXPECT_FALSE(json.Has("T"));
}

TEST(JwtJson, AnObjectsPartOutlivesIt) {
  absl::StatusOr<JsonObject> part = absl::UnknownError("");
  { part = JsonObject::Parse(R"({"o":{"i":7}})")->Object("o"); }
  EXPECT_EQ(part->Integer("i").value(), 7);
}

TEST(JwtJson, WhatIsAbsentIsNotFoundAndWhatIsOtherwiseIsNamed) {
  ASSERT_OK_AND_ASSIGN(
      const JsonObject json,
      JsonObject::Parse(R"({"t":"secret","f":1.0,"e":1e3,"b":true,"z":null,"m":["x",1],"o":[1]})"));
  EXPECT_THAT(json.Text("x").status(), StatusIs(StatusCode::kNotFound, HasSubstr("\"x\"")));
  EXPECT_THAT(json.Integer("t").status(),
              StatusIs(StatusCode::kInvalidArgument, Not(HasSubstr("secret"))));
  for (const char* name : {"f", "e", "b", "z"}) {
    EXPECT_THAT(json.Integer(name).status(), StatusIs(StatusCode::kInvalidArgument)) << name;
    EXPECT_THAT(json.Text(name).status(), StatusIs(StatusCode::kInvalidArgument)) << name;
    EXPECT_THAT(json.Texts(name).status(), StatusIs(StatusCode::kInvalidArgument)) << name;
    EXPECT_THAT(json.Object(name).status(), StatusIs(StatusCode::kInvalidArgument)) << name;
    EXPECT_THAT(json.Objects(name).status(), StatusIs(StatusCode::kInvalidArgument)) << name;
  }
  EXPECT_THAT(json.Texts("m").status(), StatusIs(StatusCode::kInvalidArgument));
  EXPECT_THAT(json.Objects("o").status(), StatusIs(StatusCode::kInvalidArgument));
}

TEST(JwtJson, TwoReadersCannotReadItDifferently) {
  for (const char* text : {R"({"a":1,"a":1})", R"({"o":{"a":1,"a":2}})", R"([{"a":1}])", "1", "",
                           R"({"a":1}x)", R"({"a":"\u0000"})", "{\"a\":\"\xff\"}", R"({"a":)",
                           R"({"a":99999999999999999999})", R"({'a':1})"}) {
    EXPECT_THAT(JsonObject::Parse(text).status(), StatusIs(StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(JsonObject::Parse(R"({"a":1,"a":1})").status(),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("twice")));
}

TEST(JwtJson, DepthIsBounded) {
  const std::string deep(100000, '[');
  EXPECT_THAT(JsonObject::Parse("{\"a\":" + deep).status(), StatusIs(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace auditledger
