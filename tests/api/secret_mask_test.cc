// Secrets never get into the log: what is masked, what is not, and that nothing else changes.
#include "api/secret_mask.h"

#include <gmock/gmock.h>

#include <cstring>
#include <filesystem>
#include <random>
#include <regex>

#include "absl/strings/str_cat.h"
#include "api/client/receipt_check.h"
#include "auditledger/v1/event.pb.h"
#include "merkle/header.h"
#include "tests/api/api_fixture.h"
#include "tests/testing/seed.h"
#include "tests/testing/shared_path.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using testing::GoodEvent;
using ::testing::HasSubstr;
using ::testing::Not;

v1::AuditEvent WithContent(const std::string& content) {
  v1::AuditEvent event = GoodEvent("e1");
  event.mutable_original()->set_content(content);
  return event;
}

// Whether a client takes what was sealed for what it sent (api/client/receipt_check.h).
bool ClientAccepts(const std::string& sealed, const std::string& sent) {
  EntryHeader header;
  header.flags = kFlagSecretsMasked;
  v1::Opening opening;
  opening.set_header(EncodeHeader(header).value());
  opening.set_event(sealed);
  return SealedEventOf(opening, sent).ok();
}

// The native record after masking; as it was when nothing is found.
std::string Masked(const std::string& content) {
  const std::string bytes = WithContent(content).SerializeAsString();
  const std::optional<MaskedEvent> masked = MaskSecrets(bytes);
  if (!masked.has_value()) return content;
  EXPECT_EQ(masked->event.size(), bytes.size());
  v1::AuditEvent event;
  EXPECT_TRUE(event.ParseFromString(masked->event));
  EXPECT_THAT(masked->fields, ElementsAre("original.content"));
  EXPECT_TRUE(ClientAccepts(masked->event, bytes)) << content;
  return event.original().content();
}

// Bytes become '*'.
bool ChangesOnlyInPlace(const std::string& before, const std::string& after) {
  for (size_t i = 0; i < before.size(); ++i) {
    if (after[i] != before[i] && after[i] != '*') return false;
  }
  return true;
}

TEST(SecretMask, WhatIsASecretIsOverwrittenAndNothingElse) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"password":"hunter2","user":"ann"})", R"({"password":"*******","user":"ann"})"},
      {R"({"masterUserPassword": "a\"b"})", R"({"masterUserPassword": "****"})"},
      {R"({"credentials":{"sessionToken":"IQoJb3=","accessKeyId":"ASIA1"}})",
       R"({"credentials":{"sessionToken":"*******","accessKeyId":"ASIA1"}})"},
      {R"({"secretAccessKey":"wJalr/K7"})", R"({"secretAccessKey":"********"})"},
      {R"({"body":"{\"client_secret\":\"s3c\",\"id\":\"7\"}"})",
       R"({"body":"{\"client_secret\":\"***\",\"id\":\"7\"}"})"},
      {"aws_secret_access_key = MY-KEY\nnext", "aws_secret_access_key = ******\nnext"},
      {"/login?user=ann&password=x1&next=/", "/login?user=ann&password=**&next=/"},
      {"<Password>p w</Password>", "<Password>***</Password>"},
      {"Authorization: Bearer abc.def\nX: 1", "Authorization: Bearer *******\nX: 1"},
      {R"("Authorization":"Basic YW5uOnB3")", R"("Authorization":"Basic ********")"},
      {"Cookie: a=1; b=2\r\nX: 1", "Cookie: ********\r\nX: 1"},
      {"ALTER ROLE ann PASSWORD 'it''s'", "ALTER ROLE ann PASSWORD '*****'"},
      {"postgres://ann:pw@db/x", "postgres://ann:**@db/x"},
      {"-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----",
       "-----BEGIN EC PRIVATE KEY-----*****-----END EC PRIVATE KEY-----"},
      {"jwt eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "jwt eyJhbGciOiJI.eyJzdWIiOiIx.************"},
      {"ghp_0123456789abcdefABCD here", "************************ here"},
      {R"(password="correct horse; 1&2" x)", R"(password="******************" x)"},
      {"pwd='a b' x", "pwd='***' x"},
      {R"(<wsse:Password Type="urn:x#PasswordText">p1</wsse:Password>)",
       R"(<wsse:Password Type="urn:x#PasswordText">**</wsse:Password>)"},
      {"<password><![CDATA[p1]]></password>", "<password><![CDATA[**]]></password>"},
      {R"({"Authorization":["Basic YW5uOnB3"]})", R"({"Authorization":["Basic ********"]})"},
      {R"({"password":  90210, "token":-3.25,"n":1})",
       R"({"password":  *****, "token":-****,"n":1})"},
      {R"({"name":"DB_PASSWORD","value":"a\"b"})", R"({"name":"DB_PASSWORD","value":"****"})"},
      {R"([{"value": "a1", "key": "api_key"}])", R"([{"value": "**", "key": "api_key"}])"},
      {"authorization: 0123456789abcdef", "authorization: ****************"},
      {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\n\nAB-----END RSA PRIVATE KEY-----",
       "-----BEGIN RSA PRIVATE KEY-----*****************-----END RSA PRIVATE KEY-----"},
  };
  for (const auto& [given, wanted] : cases) EXPECT_EQ(Masked(given), wanted);
}

TEST(SecretMask, WhatOnlyLooksLikeOneStays) {
  for (const char* const content :
       {R"({"passwordResetRequired":false,"userName":"ann"})", R"({"secret":{"secretName":"x"}})",
        R"({"secretId":"arn:aws:secretsmanager:eu:1:secret-x"})", R"({"accessKeyId":"AKIA0123"})",
        R"({"key":"value","tokens":"3"})", "ALTER ROLE ann password <REDACTED>,<not logged>",
        "basic observation of the patient", "https://example.org:8443/path@x",
        "the bearer of this letter", R"({"name":"password policy","value":"strict"})",
        R"({"token":true,"password":null,"secret":[1,2],"key":12})", R"({"nextToken":"AAEAAW"})",
        ""}) {
    EXPECT_EQ(Masked(content), content);
  }
}

TEST(SecretMask, MaskingTwiceChangesNothingMore) {
  const std::string once =
      MaskSecrets(
          WithContent(R"({"password":"x y","t":"Authorization: Bearer abcdefghijklmnopqrst"})")
              .SerializeAsString())
          .value()
          .event;
  EXPECT_FALSE(MaskSecrets(once).has_value());
}

TEST(SecretMask, EveryFieldIsLookedAtButTheIdentity) {
  v1::AuditEvent event = GoodEvent("password=one");
  event.mutable_source()->set_stream_id("password=two");
  event.mutable_outcome()->set_description("login failed: password=three");
  event.mutable_agent(0)->mutable_who()->set_display("token=four");
  const std::string bytes = event.SerializeAsString();
  const std::optional<MaskedEvent> masked = MaskSecrets(bytes);
  ASSERT_TRUE(masked.has_value());
  EXPECT_THAT(masked->fields, ElementsAre("outcome.description", "agent.who.display"));
  EXPECT_THAT(masked->event, Not(HasSubstr("three")));
  EXPECT_THAT(masked->event, Not(HasSubstr("four")));
  EXPECT_THAT(masked->event, HasSubstr("password=one"));
  EXPECT_THAT(masked->event, HasSubstr("password=two"));
}

// Whatever the length of the field that a secret begins, which is the byte before it.
TEST(SecretMask, AFieldOfAnyLengthIsLookedAt) {
  for (const char* const secret :
       {"xoxb-0123456789abcdef", "pwd=hunter2", "token=abc123", "Cookie: a=1",
        "Authorization: Basic YW5uOnB3", "hvs.0123456789abcdef0123456789"}) {
    for (size_t length = strlen(secret); length < 400; ++length) {
      std::string content = absl::StrCat(secret, "\n");
      if (content.size() < length) content.resize(length, 'x');
      ASSERT_NE(Masked(content), content) << secret << " in " << content.size() << " bytes";
    }
  }
}

TEST(SecretMask, TheValuesOfAChangeAreToldByItsPath) {
  v1::AuditEvent event = GoodEvent("e");
  v1::FieldChange* change = event.add_entity()->add_change();
  change->set_path("user.password");
  change->set_old_value("hunter1");
  change->set_new_value("hunter2");
  change = event.mutable_entity(event.entity_size() - 1)->add_change();
  change->set_path("user.name");
  change->set_new_value("ann");
  const std::optional<MaskedEvent> masked = MaskSecrets(event.SerializeAsString());
  ASSERT_TRUE(masked.has_value());
  EXPECT_THAT(masked->fields, ElementsAre("entity.change"));
  EXPECT_THAT(masked->event, Not(HasSubstr("hunter")));
  EXPECT_THAT(masked->event, HasSubstr("user.password"));
  EXPECT_THAT(masked->event, HasSubstr("ann"));
}

TEST(SecretMask, TheValueOfADetailOrExtensionIsToldByItsName) {
  v1::AuditEvent event = GoodEvent("e");
  v1::Entity* const entity = event.add_entity();
  v1::Detail* detail = entity->add_detail();
  detail->mutable_type()->set_text("X-Api-Key");
  detail->set_string_value("hunter1");
  detail = entity->add_detail();
  detail->mutable_type()->add_coding()->set_code("password");
  detail->set_bytes_value("hunter2");
  detail = entity->add_detail();
  detail->mutable_type()->set_text("password policy");
  detail->set_string_value("strict");
  v1::Extension* const extension = event.add_extension();
  extension->set_url("https://example.org/ext/client-secret");
  extension->set_string_value("hunter3");
  const std::optional<MaskedEvent> masked = MaskSecrets(event.SerializeAsString());
  ASSERT_TRUE(masked.has_value());
  EXPECT_THAT(masked->fields, ElementsAre("entity.detail", "entity.detail", "extension"));
  EXPECT_THAT(masked->event, Not(HasSubstr("hunter")));
  EXPECT_THAT(masked->event, HasSubstr("strict"));
}

// A secret ends with its field, however the next one begins.
TEST(SecretMask, WhatFollowsAFieldIsNotTouched) {
  v1::AuditEvent event = WithContent("password=");
  event.mutable_original()->set_transport("abcdefgh");
  EXPECT_FALSE(MaskSecrets(event.SerializeAsString()).has_value());
  event.mutable_original()->set_content("password=x");
  v1::AuditEvent masked;
  ASSERT_TRUE(masked.ParseFromString(MaskSecrets(event.SerializeAsString())->event));
  EXPECT_EQ(masked.original().content(), "password=*");
  EXPECT_EQ(masked.original().transport(), "abcdefgh");
}

TEST(SecretMask, FieldsThatAreNotKnownAreLookedAtToo) {
  v1::AuditEvent event = GoodEvent("e");
  event.GetReflection()->MutableUnknownFields(&event)->AddLengthDelimited(99, "password=x1");
  const std::optional<MaskedEvent> masked = MaskSecrets(event.SerializeAsString());
  ASSERT_TRUE(masked.has_value());
  EXPECT_THAT(masked->fields, ElementsAre("99"));
  EXPECT_THAT(masked->event, HasSubstr("password=**"));
}

// Real records: what looks like one is masked, and hardly anything does (the files with session
// tokens were left out of the set, which is why `sessionToken` is a case above).
TEST(SecretMask, RealRecords) {
  REQUIRE_SHARED("testdata/events");
  const std::string root = testing::SharedPath("testdata/events");
  const std::regex left(
      R"re("(?:sessionToken|secretAccessKey|masterUserPassword|secretString)"\s*:\s*"[^*"])re",
      std::regex::icase);
  int files = 0;
  int changed = 0;
  int with_secrets = 0;
  for (const auto& item : std::filesystem::recursive_directory_iterator(root)) {
    if (!item.is_regular_file()) continue;
    const std::string content = testing::ReadFile(item.path());
    ++files;
    with_secrets += std::regex_search(content, left) ? 1 : 0;
    const std::string masked = Masked(content);
    changed += masked != content ? 1 : 0;
    EXPECT_FALSE(std::regex_search(masked, left)) << item.path();
    ASSERT_EQ(masked.size(), content.size());
    ASSERT_TRUE(ChangesOnlyInPlace(content, masked));
  }
  EXPECT_GT(files, 100);
  EXPECT_GE(changed, 1);
  EXPECT_LT(changed, 10) << "most records hold none";
  std::cout << files << " files, " << with_secrets << " with secrets, " << changed << " changed\n";
}

TEST(SecretMask, NoBytesMakeItChangeAnythingButToStars) {
  const uint64_t seed = testing::TestSeed();
  std::mt19937_64 random(seed);
  const std::string parts[] = {"password",
                               "token",
                               "name",
                               "value",
                               ",",
                               "90210",
                               "\"",
                               ":",
                               "=",
                               "\\",
                               " ",
                               "Bearer ",
                               "eyJ",
                               "@",
                               "://",
                               "'",
                               "-----BEGIN PRIVATE KEY-----",
                               "\xff",
                               "é",
                               "*",
                               std::string(1, '\0'),
                               "secret",
                               "authorization",
                               "abcdefghijklmnopq"};
  for (int round = 0; round < 3000; ++round) {
    std::string content;
    while (random() % 20 != 0) content += parts[random() % std::size(parts)];
    const std::string masked = Masked(content);
    ASSERT_EQ(masked.size(), content.size());
    ASSERT_TRUE(ChangesOnlyInPlace(content, masked)) << content;
  }
}

}  // namespace
}  // namespace auditledger
