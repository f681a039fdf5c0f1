// Covers: api/flags
#include "api/config.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "api/anchorer.h"
#include "api/client/dev_certs.h"
#include "api/daemon.h"
#include "api/flags.h"
#include "tests/api/api_fixture.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TempDir;

constexpr char kGood[] = R"(
data_dir: "/l/data" state_dir: "/l/state" key_dir: "/l/keys" seed_dir: "/l/seeds"
listeners { name: "app" address: "127.0.0.1:0"
            tls { certificate_file: "c" private_key_file: "k" client_ca_file: "a" } }
access { policy_file: "p" }
)";

absl::Status Validate(const std::string& extra, bool allow_unix = false) {
  absl::StatusOr<config::v1::Config> config = ParseConfig(kGood + extra);
  if (!config.ok()) return config.status();
  ApplyDefaults(*config);
  return ValidateConfig(*config, allow_unix);
}

TEST(Config, AGoodOnePassesAndPrintsWhatIsInForce) {
  EXPECT_OK(Validate(""));
  config::v1::Config config = ParseConfig(kGood).value();
  ApplyDefaults(config);
  EXPECT_THAT(FormatConfig(config), HasSubstr("max_event_bytes: 65536"));
  EXPECT_EQ(FormatConfig(ParseConfig(FormatConfig(config)).value()), FormatConfig(config));
}

TEST(Config, LedgersWhereOnePersonErasesAreNamed) {
  EXPECT_OK(Validate(R"(erasure { one_person_ledgers: "demo" })"));
  EXPECT_THAT(Validate(R"(erasure { one_person_ledgers: "De mo" })"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("one_person_ledgers")));
  config::v1::Config config = ParseConfig(kGood).value();
  EXPECT_FALSE(ToLedgerSetOptions(config).one_person_erases("demo"));
  config.mutable_erasure()->add_one_person_ledgers("demo");
  EXPECT_TRUE(ToLedgerSetOptions(config).one_person_erases("demo"));
  EXPECT_FALSE(ToLedgerSetOptions(config).one_person_erases("clinic"));
}

TEST(Config, LimitsOfTheDiskReachTheLedgers) {
  config::v1::Config config = ParseConfig(kGood).value();
  ApplyDefaults(config);
  LedgerLimits limits = ToLedgerSetOptions(config).limits;
  EXPECT_EQ(limits.low_water_bytes, LedgerLimits().low_water_bytes);
  EXPECT_EQ(limits.resume_water_bytes, LedgerLimits().resume_water_bytes);
  EXPECT_EQ(limits.ballast_bytes, kDefaultBallastBytes);
  EXPECT_EQ(limits.check_entries_per_second, kDefaultCheckEntriesPerSecond);
  config.mutable_limits()->set_low_water_bytes(1000);
  config.mutable_limits()->set_ballast_bytes(7);
  config.mutable_limits()->set_check_entries_per_second(9);
  limits = ToLedgerSetOptions(config).limits;
  EXPECT_EQ(limits.low_water_bytes, 1000u);
  EXPECT_EQ(limits.resume_water_bytes, 1250u);
  EXPECT_EQ(limits.ballast_bytes, 7u);
  EXPECT_EQ(limits.check_entries_per_second, 9u);
}

TEST(Config, ASignerProcessIsNamedByItsSocket) {
  config::v1::Config config = ParseConfig(kGood).value();
  EXPECT_EQ(ToLedgerSetOptions(config).roots.signer_socket, "") << "the embedded one";
  config.set_signer("unix:/run/signer/socket");
  EXPECT_EQ(ToLedgerSetOptions(config).roots.signer_socket, "/run/signer/socket");
  EXPECT_OK(Validate("signer: 'unix:/run/signer/socket'"));
  for (const char* wrong : {"/run/signer/socket", "unix:relative", "tcp:1.2.3.4:5", "unix:"}) {
    EXPECT_THAT(Validate(absl::StrCat("signer: '", wrong, "'")),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("signer: ")))
        << wrong;
  }
}

TEST(Config, AMasterKeyIsNamedByItsSource) {
  EXPECT_OK(Validate("master_key: 'credential:master'"));
  EXPECT_THAT(Validate("master_key: '/etc/key'"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("master_key: has no such form; it is file:PATH")));
}

TEST(Config, TimestampingAuthoritiesAreNamedWithWhoVouchesForThem) {
  EXPECT_OK(Validate("anchor { tsas { url: 'https://tsa.example/' ca_file: '/ca' } }"));
  for (const auto& [wrong, field] : {
           std::pair("url: 'tsa.example' ca_file: '/ca'", "anchor.tsas[0].url"),
           std::pair("url: 'https://me:secret@tsa.example/' ca_file: '/ca'", "anchor.tsas[0].url"),
           std::pair("url: 'http://tsa.example/'", "anchor.tsas[0].ca_file"),
           std::pair("url: 'http://t/' ca_file: '/ca' policy_oid: 'x'", "policy_oid"),
       }) {
    EXPECT_THAT(Validate(absl::StrCat("anchor { tsas { ", wrong, " } }")),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)))
        << wrong;
  }
  std::string many;
  for (size_t i = 0; i < kMaxTsas; ++i) many += "tsas { url: 'http://t/' ca_file: '/ca' } ";
  EXPECT_OK(Validate(absl::StrCat("anchor { ", many, "}")));
  EXPECT_THAT(
      Validate(absl::StrCat("anchor { ", many, "tsas { url: 'http://t/' ca_file: '/c' } }")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most")));
  config::v1::Config config = ParseConfig(kGood).value();
  ApplyDefaults(config);
  EXPECT_EQ(config.anchor().interval_s(), kDefaultAnchorIntervalSeconds);
  EXPECT_EQ(config.anchor().timeout_ms(), kDefaultTsaTimeoutMs);
}

TEST(Config, FaultsOfFormNameLineAndColumn) {
  EXPECT_THAT(ParseConfig("data_dir: \"x\"\nbogus: 1\n").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2")));
  EXPECT_THAT(ParseConfig("data_dir: \"x\"\ndata_dir: \"y\"\n").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2")));
}

TEST(Config, FaultsOfContentNameTheField) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"listeners { name: \"app\" address: \"127.0.0.1:1\" tls { certificate_file: \"c\" "
       "private_key_file: \"k\" client_ca_file: \"a\" } }",
       "listeners[1].name"},
      {"listeners { name: \"B\" address: \"127.0.0.1:1\" }", "listeners[1].name"},
      {"listeners { name: \"b\" address: \"127.0.0.1\" }", "listeners[1].address"},
      {"listeners { name: \"b\" address: \"127.0.0.1:70000\" }", "listeners[1].address"},
      {"listeners { name: \"b\" address: \"127.0.0.1:1\" }", "listeners[1].tls.certificate_file"},
      {"listeners { name: \"b\" address: \"unix:/s\" }", "--allow_unix_socket"},
      {"listeners { name: \"b\" address: \"127.0.0.1:1\" edge: true }", "listeners[1].edge"},
      {"listeners { name: \"b\" address: \"unix:s\" edge: true }", "absolute"},
      {"metrics { address: \"0.0.0.0:9090\" }", "metrics.address"},
      {"limits { max_event_bytes: 65537 }", "limits.max_event_bytes"},
      {"limits { max_batch_events: 5000 }", "limits.max_batch_events"},
      {"limits { max_queue_events: 10 }", "limits.max_queue_events"},
      {"publish { listen: \"127.0.0.1:1\" }", "publish.listen: needs publish.dir"},
      {"publish { dir: \"/p\" listen: \"127.0.0.1\" }", "publish.listen"},
      {"auto_create { ledger_id: \"main\" origin: \"has space\" }", "auto_create[0].origin"},
      {"auto_create { ledger_id: \"Main\" origin: \"a\" }", "auto_create[0].ledger_id"},
  };
  for (const auto& [text, field] : cases) {
    EXPECT_THAT(Validate(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)))
        << text;
  }
  EXPECT_OK(Validate("listeners { name: \"b\" address: \"unix:/s\" }", true));
  EXPECT_OK(Validate("listeners { name: \"b\" address: \"unix:/s\" edge: true }"))
      << "over an edge's socket callers are authenticated";
  EXPECT_THAT(Validate("listeners { name: \"b\" address: \"unix:s\" }", true),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("absolute")));
}

TEST(Config, WithoutAnAccessPolicyNothingIsServed) {
  config::v1::Config config = ParseConfig(kGood).value();
  ApplyDefaults(config);
  config.clear_access();
  EXPECT_THAT(ValidateConfig(config, false),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::AllOf(HasSubstr("access.policy_file"), HasSubstr("dev-certs"))));
}

TEST(Config, FoldersMayNotLieInOneAnother) {
  config::v1::Config config = ParseConfig(kGood).value();
  config.set_state_dir("/l/data/state");
  ApplyDefaults(config);
  EXPECT_THAT(ValidateConfig(config, false),
              StatusIs(absl::StatusCode::kInvalidArgument, "state_dir: may not lie in data_dir"));
  config.set_state_dir("/l/data2");
  EXPECT_OK(ValidateConfig(config, false));
}

TEST(Config, WhatIsPublicLiesApartFromWhatIsNot) {
  EXPECT_OK(Validate("publish { dir: \"/l/public\" listen: \"[::]:8080\" }"));
  for (const char* dir : {"/l", "/l/keys", "/l/seeds/public", "/l/data/main"}) {
    EXPECT_THAT(Validate(absl::StrCat("publish { dir: \"", dir, "\" }")),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("publish.dir")))
        << dir;
  }
}

// An access policy that is good enough to start with.
class PolicyFile {
 public:
  PolicyFile() { EXPECT_OK(AddDevGrants(dir_.path(), "local:admin", AllDevRoles())); }
  const char* path() const { return path_.c_str(); }

 private:
  const TempDir dir_;
  const std::string path_ = dir_.path() + "/access.policy";
};

TEST(Flags, OverrideTheFileAndFillTheFolders) {
  const PolicyFile policy;
  const char* argv[] = {"auditledgerd",
                        "--access_policy",
                        policy.path(),
                        "--root",
                        "/r",
                        "--data_dir",
                        "/elsewhere",
                        "--allow_unix_socket",
                        "--listen",
                        "admin,unix:/r/s",
                        "--max_batch_events",
                        "10",
                        "--auto_create",
                        "main=a.example/log",
                        "--adopt_signer_state",
                        "main@5:0000000000000000000000000000000000000000000000000000000000000001",
                        "--print_config"};
  const ParsedFlags flags = ParseFlags(static_cast<int>(std::size(argv)), argv);
  EXPECT_EQ(flags.exit_code, kExitOk) << flags.text;
  const config::v1::Config config = ParseConfig(flags.text).value();
  EXPECT_EQ(config.data_dir(), "/elsewhere");
  EXPECT_EQ(config.seed_dir(), "/r/seeds");
  EXPECT_EQ(config.limits().max_batch_events(), 10u);
  EXPECT_EQ(config.auto_create(0).origin(), "a.example/log");
  EXPECT_EQ(flags.options.adopt[0].size, 5u);
}

TEST(Flags, SayWhatIsWrongWithTheExitCodeForIt) {
  const auto code = [](std::vector<const char*> args) {
    args.insert(args.begin(), "auditledgerd");
    return ParseFlags(static_cast<int>(args.size()), args.data()).exit_code;
  };
  EXPECT_EQ(code({"--help"}), kExitOk);
  EXPECT_EQ(code({"--version"}), kExitOk);
  EXPECT_EQ(code({"--bogus"}), kExitUsage);
  EXPECT_EQ(code({"--adopt_signer_state", "main"}), kExitUsage);
  EXPECT_EQ(code({}), kExitConfig) << "no folders";
  EXPECT_EQ(code({"--root", "/r"}), kExitConfig) << "no listener";
  EXPECT_EQ(code({"--config", "/nonexistent"}), kExitConfig);
  const PolicyFile policy;
  std::vector<const char*> whole = {
      "--root",          "/r",         "--allow_unix_socket", "--listen", "admin,unix:/r/s",
      "--access_policy", policy.path()};
  EXPECT_EQ(code(whole), -1) << "goes on";
  whole.back() = "/nonexistent";
  EXPECT_EQ(code(whole), kExitConfig) << "no access policy";
}

TEST(Flags, ExplainEveryLimitWithTheDefaultThatIsInForce) {
  const char* help_argv[] = {"auditledgerd", "--help"};
  const std::string help = ParseFlags(2, help_argv).text;
  config::v1::Config config;
  ApplyDefaults(config);
  const google::protobuf::Descriptor& limits = *config.limits().GetDescriptor();
  ASSERT_GT(limits.field_count(), 0);
  for (int i = 0; i < limits.field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = limits.field(i);
    const google::protobuf::Reflection& values = *config.limits().GetReflection();
    const uint64_t value = field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_UINT64
                               ? values.GetUInt64(config.limits(), field)
                               : values.GetUInt32(config.limits(), field);
    const size_t begin = help.find("--" + field->name());
    ASSERT_NE(begin, std::string::npos) << field->name();
    const std::string line = help.substr(begin, help.find("\n  --", begin) - begin);
    EXPECT_NE(line.find("(default " + std::to_string(value) + ")"), std::string::npos) << line;
  }
}

TEST(Flags, TheQueueMayHoldMoreThanFourGibibytes) {
  const PolicyFile policy;
  const char* argv[] = {"auditledgerd",        "--root",     "/r",
                        "--allow_unix_socket", "--listen",   "admin,unix:/r/s",
                        "--max_queue_bytes",   "4294967296", "--access_policy",
                        policy.path()};
  const ParsedFlags flags = ParseFlags(static_cast<int>(std::size(argv)), argv);
  EXPECT_EQ(flags.exit_code, -1) << flags.text;
  EXPECT_EQ(flags.options.config.limits().max_queue_bytes(), uint64_t{1} << 32);
}

TEST(Daemon, MakesItsRootPrivateButNoParents) {
  const TempDir dir;
  DaemonOptions options;
  EXPECT_OK(MakeRoot(options)) << "none given";
  options.root = dir.path() + "/ledger";
  EXPECT_OK(MakeRoot(options));
  struct stat info = {};
  ASSERT_EQ(::stat(options.root.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  EXPECT_OK(MakeRoot(options)) << "is there";
  options.root = dir.path() + "/a/b";
  EXPECT_THAT(MakeRoot(options), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace auditledger
