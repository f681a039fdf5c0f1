#include "api/access/token_config.h"

#include <gmock/gmock.h>

#include "api/client/dev_certs.h"
#include "api/config.h"
#include "api/flags.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;

constexpr char kFolders[] =
    "data_dir: '/d' state_dir: '/s' key_dir: '/k' seed_dir: '/e' access { policy_file: '/p' } ";
constexpr char kTls[] = "certificate_file: 'c' private_key_file: 'k'";

std::string Listener(const std::string& credential, const std::string& more = "") {
  return absl::StrCat("listeners { name: 'l' address: '127.0.0.1:0' credential: CREDENTIAL_",
                      credential, " tls { ", kTls, " ", more, " } } ");
}
std::string Tokens(const std::string& text) { return absl::StrCat("tokens { ", text, " } "); }
std::string Issuer(const std::string& more) {
  return Tokens("issuer: 'https://idp.example' audience: 'a' " + more);
}

std::string Judge(const std::string& text) {
  absl::StatusOr<config::v1::Config> config = ParseConfig(kFolders + text);
  if (!config.ok()) return std::string(config.status().message());
  ApplyDefaults(*config);
  return std::string(ValidateConfig(*config, true).message());
}

TEST(TokenConfig, AListenerSaysWhatCallersShow) {
  const std::string ca = "client_ca_file: 'a'";
  const std::string issuer = Issuer("jwks_file: '/j'");
  EXPECT_EQ(Judge(Listener("TOKEN") + issuer), "");
  EXPECT_EQ(Judge(Listener("TOKEN", ca + " crl_file: 'r'") + issuer), "");
  EXPECT_EQ(Judge(Listener("BOTH", ca) + issuer), "");
  EXPECT_EQ(Judge(Listener("CERTIFICATE", ca)), "");
  EXPECT_THAT(Judge(Listener("BOTH") + issuer), HasSubstr("listeners[0].tls.client_ca_file"));
  EXPECT_THAT(Judge(Listener("TOKEN", "crl_file: 'r'") + issuer),
              HasSubstr("listeners[0].tls.crl_file: needs tls.client_ca_file"));
  EXPECT_THAT(Judge(Listener("TOKEN")), HasSubstr("listeners[0].credential: needs tokens"));
  EXPECT_THAT(Judge(Listener("CERTIFICATE", ca) + issuer), HasSubstr("tokens: no listener asks"));
  EXPECT_THAT(Judge(Listener("NOTHING")), HasSubstr("line 1"));
}

TEST(TokenConfig, AUnixSocketMayWantATokenButSeesNoCertificate) {
  const auto unix_with = [](const std::string& credential) {
    return Judge("listeners { name: 'l' address: 'unix:/s/x' credential: CREDENTIAL_" + credential +
                 " } " + Issuer("jwks_file: '/j'"));
  };
  EXPECT_EQ(unix_with("TOKEN"), "");
  EXPECT_THAT(unix_with("BOTH"), HasSubstr("sees no certificate"));
  EXPECT_THAT(unix_with("CERTIFICATE"), HasSubstr("sees no certificate"));
}

TEST(TokenConfig, AnEdgePassesCertificatesOn) {
  const auto edge_with = [](const std::string& credential, const std::string& more) {
    return Judge("listeners { name: 'l' address: 'unix:/s/x' edge: true credential: CREDENTIAL_" +
                 credential + " } " + more);
  };
  EXPECT_EQ(edge_with("CERTIFICATE", ""), "");
  const std::string bound = Issuer("jwks_file: '/j' bind_to_certificate: true");
  EXPECT_EQ(edge_with("BOTH", bound), "");
  EXPECT_EQ(edge_with("TOKEN", bound), "");
  EXPECT_THAT(edge_with("BOTH", ""), HasSubstr("listeners[0].credential: needs tokens"));
}

TEST(TokenConfig, BoundTokensNeedListenersWithCertificates) {
  const std::string bound = Issuer("jwks_file: '/j' bind_to_certificate: true");
  EXPECT_EQ(Judge(Listener("TOKEN", "client_ca_file: 'a'") + bound), "");
  EXPECT_THAT(Judge(Listener("TOKEN") + bound), HasSubstr("listeners[0].tls.client_ca_file"));
}

TEST(TokenConfig, FaultsNameTheField) {
  const std::string listener = Listener("TOKEN");
  for (const auto& [tokens, wanted] : std::vector<std::pair<std::string, std::string>>{
           {Tokens("audience: 'a' jwks_file: '/j'"), "tokens[0].issuer"},
           {Tokens("issuer: 'https://i#x' audience: 'a' jwks_file: '/j'"), "tokens[0].issuer"},
           {Tokens("issuer: 'local:x' audience: 'a' jwks_file: '/j'"), "tokens[0].issuer"},
           {Tokens("issuer: 'a b' audience: 'a' jwks_file: '/j'"), "tokens[0].issuer"},
           {Tokens("issuer: 'https://i' jwks_file: '/j'"), "tokens[0].audience"},
           {Issuer(""), "give one of jwks_file and jwks_url"},
           {Issuer("jwks_file: '/j' jwks_url: 'https://i/j'"), "give one of"},
           {Issuer("jwks_file: '/j' ca_file: '/c'"), "tokens[0].ca_file"},
           {Issuer("jwks_url: 'http://i.example/j'"), "tokens[0].jwks_url: must begin with https"},
           {Issuer("jwks_url: 'http://127.0.0.1.evil.example/j'"), "tokens[0].jwks_url"},
           {Issuer("jwks_url: 'ftp://i/j'"), "tokens[0].jwks_url"},
           {Issuer("jwks_url: 'https://u:p@i/j'"), "tokens[0].jwks_url"},
           {Issuer("jwks_file: '/j' rsa_algorithm: 'HS256'"), "tokens[0].rsa_algorithm"},
           {Issuer("jwks_file: '/j' rsa_algorithm: 'none'"), "tokens[0].rsa_algorithm"},
           {Issuer("jwks_file: '/j' rsa_algorithm: 'ES256'"), "tokens[0].rsa_algorithm"},
           {Issuer("jwks_file: '/j'") + Issuer("jwks_file: '/k'"), "tokens[1].issuer: occurs"},
       }) {
    EXPECT_THAT(Judge(listener + tokens), HasSubstr(wanted)) << tokens;
  }
  EXPECT_EQ(Judge(listener + Issuer("jwks_url: 'https://i.example/j' ca_file: '/c'")), "");
  EXPECT_EQ(Judge(listener + Issuer("jwks_url: 'http://127.0.0.1:8080/j'")), "");
  EXPECT_EQ(Judge(listener + Issuer("jwks_file: '/j' rsa_algorithm: 'PS256'")), "");
}

TEST(TokenConfig, LimitsHaveEdges) {
  const auto with = [](const std::string& issuer, const std::string& audience) {
    return Judge(Listener("TOKEN") + Tokens(absl::StrCat("issuer: '", issuer, "' audience: '",
                                                         audience, "' jwks_file: '/j'")));
  };
  EXPECT_EQ(with(std::string(kMaxIssuerBytes, 'i'), std::string(kMaxAudienceBytes, 'a')), "");
  EXPECT_THAT(with(std::string(kMaxIssuerBytes + 1, 'i'), "a"), HasSubstr("issuer"));
  EXPECT_THAT(with("i", std::string(kMaxAudienceBytes + 1, 'a')), HasSubstr("audience"));
  std::string many = Listener("TOKEN");
  for (int i = 0; i < kMaxTokenIssuers; ++i) {
    many += Tokens(absl::StrCat("issuer: 'i", i, "' audience: 'a' jwks_file: '/j'"));
  }
  EXPECT_EQ(Judge(many), "");
  EXPECT_THAT(Judge(many + Issuer("jwks_file: '/j'")), HasSubstr("tokens: at most 8"));
}

TEST(TokenConfig, FlagsSayTheSame) {
  const testing::TempDir dir;
  const std::string policy = dir.path() + "/access.policy";
  ASSERT_OK(AddDevGrants(dir.path(), "local:l", AllDevRoles()));
  const auto parse = [&](std::vector<const char*> more) {
    std::vector<const char*> argv = {"auditledgerd",       "--root",       "/r",
                                     "--access_policy",    policy.c_str(), "--listen",
                                     "l,127.0.0.1:0,c,k,a"};
    argv.insert(argv.end(), more.begin(), more.end());
    return ParseFlags(static_cast<int>(argv.size()), argv.data());
  };
  const ParsedFlags good =
      parse({"--tokens", "https://i,aud,https://i/jwks,/ca", "--tokens", "https://j,aud,/j.json",
             "--credential", "l=both", "--bind_tokens", "https://j", "--crl_file", "l=/crl"});
  ASSERT_EQ(good.exit_code, -1) << good.text;
  const config::v1::Config& config = good.options.config;
  EXPECT_EQ(config.listeners(0).credential(), config::v1::CREDENTIAL_BOTH);
  EXPECT_EQ(config.tokens(0).jwks_url(), "https://i/jwks");
  EXPECT_EQ(config.tokens(0).ca_file(), "/ca");
  EXPECT_EQ(config.tokens(1).jwks_file(), "/j.json");
  EXPECT_EQ(config.tokens(1).audience(), "aud");
  EXPECT_FALSE(config.tokens(0).bind_to_certificate());
  EXPECT_TRUE(config.tokens(1).bind_to_certificate());
  EXPECT_EQ(config.listeners(0).tls().crl_file(), "/crl");
  for (const auto& [flag, value] :
       std::vector<std::pair<const char*, const char*>>{{"--tokens", "https://i,aud"},
                                                        {"--credential", "l=nothing"},
                                                        {"--credential", "l"},
                                                        {"--credential", "l=unspecified2"},
                                                        {"--credential", "other=token"},
                                                        {"--bind_tokens", "https://other"},
                                                        {"--crl_file", "other=/crl"},
                                                        {"--crl_file", "l"},
                                                        {"--crl_file", "l="}}) {
    const ParsedFlags wrong = parse({flag, value});
    EXPECT_EQ(wrong.exit_code, kExitConfig) << value;
    EXPECT_THAT(wrong.text, HasSubstr(flag));
  }
}

}  // namespace
}  // namespace auditledger
