// Timestamps and COSE receipts as their users meet them: OpenSSL's own responder as the authority,
// the daemon that asks it, auditctl, and the verifier; then files that are taken away or changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "api/client/channel.h"
#include "api/client/ledger_client.h"
#include "tests/e2e/processes.h"
#include "tests/e2e/test_event.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_tsa.h"

namespace auditledger::testing {
namespace {

using ::nlohmann::json;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr char kOrigin[] = "audit.example.org/clinic";
constexpr char kOpenssl[] = "/usr/bin/openssl";
constexpr int kPatience = 300;  // runs of a program, each some hundredths of a second

std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}
void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// `openssl ts -reply` behind a POST.
class OpensslTsa {
 public:
  explicit OpensslTsa(const std::string& dir) : dir_(dir), tsa_({}) {
    fs::create_directory(dir_);
    WriteText(dir_ + "/ca.pem", tsa_.ca_pem());
    WriteText(dir_ + "/tsa.pem", tsa_.tsa_pem());
    WriteText(dir_ + "/tsa.key", tsa_.tsa_key_pem());
    WriteText(dir_ + "/serial", "01\n");
    WriteText(dir_ + "/tsa.cnf",
              absl::StrCat("[tsa]\ndefault_tsa = one\n[one]\nserial = ", dir_, "/serial\n",
                           "signer_cert = ", dir_, "/tsa.pem\nsigner_key = ", dir_, "/tsa.key\n",
                           "signer_digest = sha256\ndefault_policy = 1.2.3.4.1\n",
                           "digests = sha256\naccuracy = secs:1\ness_cert_id_alg = sha256\n"));
    server_.Post("/tsa", [this](const httplib::Request& request, httplib::Response& response) {
      const std::lock_guard<std::mutex> lock(mutex_);  // the serial number's file
      WriteText(dir_ + "/query", request.body);
      const Ran ran = RunProgram({kOpenssl, "ts", "-reply", "-config", dir_ + "/tsa.cnf",
                                  "-queryfile", dir_ + "/query", "-out", dir_ + "/reply"});
      response.status = ran.exit_code == 0 ? 200 : 500;
      response.set_content(FileText(dir_ + "/reply"), "application/timestamp-reply");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // a stop() before it starts is lost
  }
  ~OpensslTsa() {
    server_.stop();
    thread_.join();
  }
  std::string flag() const {
    return absl::StrCat("http://127.0.0.1:", port_, "/tsa,", dir_, "/ca.pem,1.2.3.4.1");
  }
  std::string ca() const { return dir_ + "/ca.pem"; }

 private:
  const std::string dir_;
  const TestTsa tsa_;
  httplib::Server server_;
  std::mutex mutex_;
  int port_ = 0;
  std::thread thread_;
};

class AnchorTest : public ::testing::Test {
 protected:
  AnchorTest() : tsa_(Path("tsa")) {
    fs::create_directory(Path("root"));
    daemon_ = std::make_unique<Daemon>(
        Path("root"),
        std::vector<std::string>{"--allow_unix_socket", "--listen", "admin,unix:" + Path("admin"),
                                 "--auto_create", absl::StrCat("clinic=", kOrigin), "--tsa",
                                 tsa_.flag(), "--anchor_interval_s", "1"});
    vkey_ = json::parse(Ctl({"ledgers", "--json"}).out)["vkey"];
    WriteText(Path("vkey"), vkey_ + "\n");
  }
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  Ran Ctl(const std::vector<std::string>& arguments) {
    return RunCtl({"unix:" + Path("admin")}, arguments);
  }
  Ran Verify(std::vector<std::string> arguments, bool with_tsa = true) {
    arguments.insert(arguments.begin(), Program("auditledger-verify"));
    for (const std::string& more :
         {std::string("--origin"), std::string(kOrigin), std::string("--key"), Path("vkey"),
          std::string("--trust-store"), Path("trust")}) {
      arguments.push_back(more);
    }
    if (with_tsa) arguments.insert(arguments.end(), {"--tsa-ca", tsa_.ca()});
    return RunProgram(arguments);
  }
  void Append(uint64_t sequence) {
    LedgerClientOptions options;
    options.ledger = "ledgers/clinic";
    options.log = PinnedLog{kOrigin, NoteVerifier::Parse(vkey_).value()};
    LedgerClient client(UnixChannel("unix:" + Path("admin")), std::move(options));
    ASSERT_OK(client.Append(MakeEvent("day", sequence)));
  }
  // Exports until there are so many timestamps.
  void ExportWith(int timestamps) {
    for (int i = 0; i < kPatience; ++i) {
      const Ran ran = Ctl({"export", Path("export"), "--in-clear", "--json"});
      ASSERT_EQ(ran.exit_code, 0) << ran.err;
      if (json::parse(ran.out)["timestamps"] >= timestamps) return;
    }
    FAIL() << daemon_->log();
  }
  std::vector<std::string> Tokens() {
    std::vector<std::string> out;
    for (const auto& file : fs::directory_iterator(Path("export/timestamps"))) {
      if (file.path().extension() == ".tst") out.push_back(file.path().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  TempFolder folder_;
  OpensslTsa tsa_;
  std::unique_ptr<Daemon> daemon_;
  std::string vkey_;
};

TEST_F(AnchorTest, FromTheAuthorityToTheAuditorAndBack) {
  ExportWith(1);
  Append(1);
  ExportWith(2);
  Append(2);
  ExportWith(3);
  Ran log = Verify({"log", Path("export"), "--json"});
  ASSERT_EQ(log.exit_code, 3) << log.out;
  const json verdict = json::parse(log.out);
  EXPECT_GE(verdict["time_brackets"].size(), 3u);
  // What openssl itself says of a token: the text without its signatures was stamped.
  const std::string token = Tokens().at(1);
  const std::string note = FileText(token.substr(0, token.size() - 4) + ".checkpoint");
  WriteText(Path("text"), note.substr(0, note.find("\n\n") + 1));
  EXPECT_EQ(RunProgram({kOpenssl, "ts", "-verify", "-data", Path("text"), "-in", token, "-token_in",
                        "-CAfile", tsa_.ca()})
                .exit_code,
            0);
  // One entry of the export, and one receipt with the files that bound it.
  const Ran entry = Verify({"entry", Path("export"), "3", "--json"});
  ASSERT_EQ(entry.exit_code, 3) << entry.out;
  const json bracket = json::parse(entry.out)["time_brackets"][0];
  EXPECT_LT(std::string(bracket["not_before"]), std::string(bracket["no_later_than"]));
  ASSERT_EQ(
      Ctl({"prove", "3", "--out", Path("3.tlog-proof"), "--timestamps", Path("times")}).exit_code,
      0);
  ExportWith(3);  // a timestamp since may have made the log larger than the export
  const Ran receipt = Verify({"receipt", Path("3.tlog-proof"), "--timestamps", Path("times"),
                              "--log", Path("export"), "--json"});
  ASSERT_EQ(receipt.exit_code, 3) << receipt.out;
  EXPECT_EQ(json::parse(receipt.out)["time_brackets"][0]["no_later_than"],
            bracket["no_later_than"]);
  EXPECT_EQ(json::parse(receipt.out)["time_brackets"][0]["not_before"], bracket["not_before"]);

  std::string flipped = FileText(token);
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  WriteText(token, flipped);
  log = Verify({"log", Path("export")});
  EXPECT_EQ(log.exit_code, 1) << log.out;
  fs::remove(token);
  log = Verify({"log", Path("export")});
  EXPECT_EQ(log.exit_code, 2) << log.out;
  EXPECT_THAT(log.out, HasSubstr("is missing"));
  fs::remove(token.substr(0, token.size() - 4) + ".checkpoint");
  fs::remove(token.substr(0, token.size() - 4) + ".tlog-proof");
  log = Verify({"log", Path("export")});
  EXPECT_EQ(log.exit_code, 2) << log.out;
  EXPECT_THAT(log.out, HasSubstr("the timestamp that it names is not there"));
  EXPECT_EQ(Verify({"log", Path("export")}, /*with_tsa=*/false).exit_code, 3);
  EXPECT_EQ(daemon_->Terminate(), 0) << daemon_->log();
}

TEST_F(AnchorTest, ABackupHasTheTimestampsAndARestoreBringsThemBack) {
  Append(1);
  ExportWith(2);
  Ran ran = Ctl(
      {"backup", "--to", Path("backup"), "--seeds", Path("vault"), "--pin-key", vkey_, "--json"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const uint64_t saved = json::parse(ran.out)["timestamps"];
  EXPECT_GE(saved, 2u);
  const auto check = [&] {
    return Ctl(
        {"backup-verify", Path("backup"), "--seeds", Path("vault"), "--pin-key", vkey_, "--json"});
  };
  ran = check();
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(json::parse(ran.out)["timestamps"], saved);
  EXPECT_EQ(daemon_->Terminate(), 0) << daemon_->log();
  const auto restore = [&](const std::string& to) {
    return Ctl({"restore", "--from", Path("backup"), "--seeds", Path("vault"), "--pin-key", vkey_,
                "--data_dir", Path(to + ".data"), "--seed_dir", Path(to + ".seeds"), "--json"});
  };
  ran = restore("one");
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(json::parse(ran.out)["timestamps"], saved);
  uint64_t files = 0;
  for (const auto& file : fs::directory_iterator(Path("backup/timestamps"))) {
    const std::string name = file.path().filename();
    EXPECT_EQ(FileText(Path("one.data/timestamps/") + name), FileText(file.path())) << name;
    EXPECT_EQ(FileText(Path("root/data/clinic/timestamps/") + name), FileText(file.path())) << name;
    files += file.path().extension() == ".tst" ? 1 : 0;
  }
  EXPECT_EQ(files, saved);
  // One that was changed is named, and keeps nobody from the log.
  std::string token;
  for (const auto& file : fs::directory_iterator(Path("backup/timestamps"))) {
    if (file.path().extension() == ".tst") token = file.path();
  }
  WriteText(token, FileText(token) + "x");
  ran = check();
  EXPECT_EQ(ran.exit_code, 1) << ran.out;
  EXPECT_THAT(ran.err, HasSubstr("not the token of that name"));
  ran = restore("two");
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("not all timestamps were restored"));
  EXPECT_TRUE(fs::exists(Path("two.data/log")));
}

TEST_F(AnchorTest, ACoseReceiptIsMadeAndVerified) {
  Append(1);
  Append(2);
  const std::vector<std::string> make = {
      "receipt-cose", "1", "--out", Path("1.cose"), "--leaf", Path("1.leaf"), "--pin-key", vkey_};
  const Ran made = Ctl(make);
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Ran good = Verify({"cose", Path("1.cose"), "--leaf", Path("1.leaf")}, false);
  EXPECT_EQ(good.exit_code, 3) << good.out << good.err;
  WriteText(Path("other.leaf"), FileText(Path("1.leaf")) + "x");
  EXPECT_EQ(Verify({"cose", Path("1.cose"), "--leaf", Path("other.leaf")}, false).exit_code, 2);
  EXPECT_EQ(daemon_->Terminate(), 0) << daemon_->log();
}

}  // namespace
}  // namespace auditledger::testing
