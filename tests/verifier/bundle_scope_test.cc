// The JSON parts of a bundle: one form each, and what is of another is refused.
#include "verifier/bundle_scope.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

BundleScope Scope() {
  BundleScope scope;
  scope.query.kind = BundleQuery::Kind::kTag;
  scope.query.about = "patient \"ü\"";
  scope.query.tags = {Hash(), LeafHash("x")};
  scope.query.to_us = kMaxBundleNumber;
  scope.size = 7;
  scope.rules = {{1, "names", "why", 0, 1, 2}, {255, "all", "", 3, 0, 0}};
  return scope;
}

TEST(BundleScopeTest, WhatParsesIsWrittenAgainToTheSameBytes) {
  std::string json = FormatBundleScope(Scope());
  EXPECT_EQ(FormatBundleScope(ParseBundleScope(json).value()), json);
  for (const BundleQuery::Kind kind :
       {BundleQuery::Kind::kAll, BundleQuery::Kind::kRange, BundleQuery::Kind::kRecorded}) {
    BundleScope scope = Scope();
    scope.query = {};
    scope.query.kind = kind;
    scope.query.end = scope.query.to_us = 9;
    json = FormatBundleScope(scope);
    EXPECT_EQ(FormatBundleScope(ParseBundleScope(json).value()), json) << json;
  }
  BundleManifest manifest;
  manifest.case_id = "12";
  manifest.sections = {{"scope", 1, 2, LeafHash("s")}};
  json = FormatBundleManifest(manifest);
  EXPECT_EQ(FormatBundleManifest(ParseBundleManifest(json).value()), json);
  const StreamCoverage stream = {"p", "s", 5, 7, {{2, 3}}, true};
  json = FormatStreamCoverage(stream);
  EXPECT_EQ(FormatStreamCoverage(ParseStreamCoverage(json).value()), json);
  json = FormatGlossaryCode({"s", "c", "m"});
  EXPECT_EQ(FormatGlossaryCode(ParseGlossaryCode(json).value()), json);
}

TEST(BundleScopeTest, NumbersAndGapsAtTheirLimits) {
  BundleScope scope = Scope();
  scope.rules = {{1, "", "", 0, 0, 0}};
  const std::string json = FormatBundleScope(scope);
  const auto with_rule = [&](const char* number) {
    return ParseBundleScope(
        absl::StrReplaceAll(json, {{"\"rule\":1", absl::StrCat("\"rule\":", number)}}));
  };
  EXPECT_OK(with_rule("255"));
  EXPECT_FALSE(with_rule("257").ok());
  BundleScope one = Scope();
  one.query.tags.resize(1);
  EXPECT_FALSE(
      ParseBundleScope(absl::StrReplaceAll(FormatBundleScope(one), {{"[\"", "\""}, {"\"]", "\""}}))
          .ok());
  const auto with_gaps = [](const char* gaps) {
    return ParseStreamCoverage(
        absl::StrReplaceAll(FormatStreamCoverage({"p", "s", 1, 1, {}, false}), {{"[]", gaps}}));
  };
  EXPECT_OK(with_gaps("[[0,0]]"));
  EXPECT_FALSE(with_gaps("[[0,\"x\"]]").ok());
  EXPECT_FALSE(with_gaps("[{\"a\":0,\"b\":1}]").ok());
}

TEST(BundleScopeTest, BracketsInAStringAreNoDepth) {
  BundleScope scope = Scope();
  scope.query.about = "[[[[[[[[[[{{{{ \\\" [[[[[[[[[[";
  EXPECT_OK(ParseBundleScope(FormatBundleScope(scope)));
  EXPECT_FALSE(ParseBundleScope("<discarded>").ok());
}

TEST(BundleScopeTest, AnotherFormIsRefused) {
  const std::string json = FormatBundleScope(Scope());
  const std::pair<const char*, const char*> changes[] = {
      {"\"size\":7", "\"size\": 7"},
      {"\"size\":7", "\"size\":7.0"},
      {"\"size\":7", "\"size\":-7"},
      {"\"size\":7", "\"size\":\"7\""},
      {"\"size\":7", "\"size\":9007199254740992"},
      {"\"size\":7,", ""},
      {"\"rule\":255", "\"rule\":256"},
      {"\"rule\":255", "\"rule\":1"},
      {"\"rule\":1,", "\"rule\":0,"},
      {"\"tag\"", "\"tags\""},
      {"ü", "\xff"},
      {"\"size\":7", "\"size\":7,\"size\":7"},
      {"\"from_us\"", "\"form_us\""},
      {"000000", "00000A"}};
  for (const auto& [what, by] : changes) {
    const std::string changed = absl::StrReplaceAll(json, {{what, by}});
    ASSERT_NE(changed, json) << what;
    EXPECT_FALSE(ParseBundleScope(changed).ok()) << changed;
  }
  BundleScope of_none = Scope();
  of_none.query.tags.clear();
  EXPECT_FALSE(ParseBundleScope(FormatBundleScope(of_none)).ok()) << "of no tag all is complete";
  EXPECT_FALSE(ParseBundleScope(std::string(1 << 19, '[')).ok());
  EXPECT_FALSE(ParseBundleScope("[[[[[[[[[]]]]]]]]]").ok());
  EXPECT_FALSE(ParseBundleScope("[0,0,0,0,0,0]").ok()) << "as many values as it has names";
  EXPECT_FALSE(ParseBundleScope("").ok());
  EXPECT_FALSE(ParseBundleScope("{\"query\":{}}").ok());
  for (const char* gaps : {"[[3,2]]", "[[3]]", "[[3,4,5]]", "[3]"}) {
    EXPECT_FALSE(ParseStreamCoverage(
                     absl::StrCat(R"({"kind":"stream","principal":"p","stream":"s","received":1,)",
                                  R"("last":9,"gaps":)", gaps, R"(,"more":false})"))
                     .ok())
        << gaps;
  }
}

using Json = nlohmann::ordered_json;

// Every value of a document made another, one at a time: nothing parses that differs in its type,
// its names or their order.
void EachChange(const Json& whole, Json& part, const std::function<void(const Json&)>& refused) {
  const Json kept = part;
  for (const Json& other : {Json("x"), Json(1), Json(-1), Json(1.5), Json(true), Json(nullptr),
                            Json::array(), Json::object(), Json(kMaxBundleNumber + 1)}) {
    const bool same_type = other.type() == kept.type() ||
                           (other.is_number_integer() && other > 0 && kept.is_number_integer());
    if (same_type && other != kMaxBundleNumber + 1 && !kept.is_object()) continue;
    if (other == kMaxBundleNumber + 1 && !kept.is_number()) continue;
    part = other;
    refused(whole);
  }
  part = kept;
  if (kept.is_object()) {
    for (const auto& [name, value] : kept.items()) {
      part.erase(name);
      refused(whole);  // one is missing
      part[name] = value;
      if (name != (--kept.end()).key()) refused(whole);  // one is in another place
      part = kept;
      part[name + "x"] = value;
      refused(whole);  // one too many
      part = kept;
    }
  }
  if (!part.is_structured()) return;  // it would be its own only child
  for (auto& child : part) EachChange(whole, child, refused);
}

template <typename Parse>
void ExpectOneForm(const std::string& text, const Parse& parse) {
  ASSERT_TRUE(parse(text).ok()) << text;
  Json whole = Json::parse(text);
  EachChange(whole, whole,
             [&](const Json& changed) { EXPECT_FALSE(parse(changed.dump()).ok()) << changed; });
}

TEST(BundleScopeTest, NoValueMayBeOfAnotherTypeOrElsewhere) {
  for (const BundleQuery::Kind kind : {BundleQuery::Kind::kAll, BundleQuery::Kind::kRange,
                                       BundleQuery::Kind::kRecorded, BundleQuery::Kind::kTag}) {
    BundleScope scope = Scope();
    scope.query.kind = kind;
    scope.query.begin = scope.query.from_us = 5;
    scope.query.end = scope.query.to_us = 9;
    ExpectOneForm(FormatBundleScope(scope), ParseBundleScope);
    std::swap(scope.query.begin, scope.query.end);
    std::swap(scope.query.from_us, scope.query.to_us);
    const bool ordered = kind == BundleQuery::Kind::kRange || kind == BundleQuery::Kind::kRecorded;
    EXPECT_EQ(ParseBundleScope(FormatBundleScope(scope)).ok(), !ordered);
  }
  BundleManifest manifest;
  manifest.sections = {{"scope", 1, 2, LeafHash("s")}};
  ExpectOneForm(FormatBundleManifest(manifest), ParseBundleManifest);
  ExpectOneForm(FormatStreamCoverage({"p", "s", 5, 7, {{2, 3}}, true}), ParseStreamCoverage);
  ExpectOneForm(FormatGlossaryCode({"s", "c", "m"}), ParseGlossaryCode);
  EXPECT_FALSE(ParseBundleManifest(absl::StrReplaceAll(FormatBundleManifest(manifest),
                                                       {{"bundle/v1", "bundle/v2"}}))
                   .ok());
  EXPECT_FALSE(
      ParseStreamCoverage(absl::StrReplaceAll(FormatStreamCoverage({"p", "s", 5, 7, {}, true}),
                                              {{"\"kind\":\"stream\"", "\"kind\":\"river\""}}))
          .ok());
}

TEST(BundleScopeTest, AnEntryIsAskedForOrNot) {
  Leaf leaf;
  leaf.recorded_at_us = 100;
  leaf.tags = {LeafHash("x")};
  BundleQuery query;
  EXPECT_TRUE(query.Matches(5, leaf));
  query = {BundleQuery::Kind::kRange, 5, 6, 0, 0, "", {}};
  EXPECT_TRUE(query.Matches(5, leaf));
  EXPECT_FALSE(query.Matches(6, leaf));
  EXPECT_FALSE(query.Matches(4, leaf));
  query = {BundleQuery::Kind::kRecorded, 0, 0, 100, 101, "", {}};
  EXPECT_TRUE(query.Matches(5, leaf));
  query.to_us = 100;
  query.from_us = 99;
  EXPECT_FALSE(query.Matches(5, leaf));
  query = {BundleQuery::Kind::kTag, 0, 0, 0, 0, "", {LeafHash("y"), LeafHash("x")}};
  EXPECT_TRUE(query.Matches(5, leaf));
  query.from_us = 101;
  EXPECT_FALSE(query.Matches(5, leaf));
  query.from_us = 0;
  query.tags.pop_back();
  EXPECT_FALSE(query.Matches(5, leaf));
}

}  // namespace
}  // namespace auditledger
