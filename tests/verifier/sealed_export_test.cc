// An export as one file for its recipients: who opens it, what is refused, and that nothing lies
// about in between.
//
// Covers: verifier/export_sealer, verifier/sealed_export, verifier/sealer
#include "verifier/sealed_export.h"

#include <openssl/cms.h>
#include <openssl/pem.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "merkle/openssl_ptr.h"
#include "merkle/status_macros.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/test_recipient.h"
#include "tests/verifier/run_shell.h"
#include "tests/verifier/test_export.h"
#include "verifier/export_archive.h"
#include "verifier/export_dir.h"
#include "verifier/export_sealer.h"

namespace auditledger {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ReadFile;
using testing::StatusIs;
using testing::TempDir;
using testing::TestLog;
using testing::TestRecipient;
using ::testing::UnorderedElementsAre;
using testing::WriteFile;

constexpr int64_t kNow = 1'800'000'000;
using FileMap = std::map<std::string, std::string>;

FileMap FilesUnder(const std::string& dir) {
  FileMap files;
  for (const auto& file : std::filesystem::recursive_directory_iterator(dir)) {
    if (!file.is_regular_file()) continue;
    files[std::filesystem::relative(file.path(), dir).string()] = ReadFile(file.path().string());
  }
  return files;
}

// Making keys takes longest: one of each for all cases.
const TestRecipient& Auditor() {
  static const TestRecipient* const recipient = new TestRecipient({.name = "auditor"});
  return *recipient;
}
const TestRecipient& Court() {
  static const TestRecipient* const recipient = new TestRecipient({.key = "RSA", .name = "court"});
  return *recipient;
}
const TestRecipient& Ministry() {
  static const TestRecipient* const recipient =
      new TestRecipient({.key = "P-384", .name = "ministry", .key_usage = "keyAgreement"});
  return *recipient;
}
const TestRecipient& Nobody() {
  static const TestRecipient* const recipient = new TestRecipient({.name = "nobody"});
  return *recipient;
}

class SealedExportTest : public ::testing::Test {
 protected:
  SealedExportTest() {
    log_.AddEvents(5);
    EXPECT_OK(auditor_.Add(Auditor().pem(), kNow));
    WriteFile(Path("auditor.key"), Auditor().key_pem());
    WriteFile(Path("nobody.key"), Nobody().key_pem());
  }
  std::string Path(const std::string& name) const { return dir_.File(name); }

  absl::Status Seal(const Recipients& recipients, size_t max_bytes = kMaxSealedBytes) {
    ASSIGN_OR_RETURN(const auto sealer,
                     ExportSealer::Create(Path("sealed"), recipients, max_bytes));
    const std::unique_ptr<ExportWriter> writer = ExportWriter::Into(*sealer);
    for (uint64_t i = 0; i < log_.size(); ++i) {
      RETURN_IF_ERROR(writer->Append(log_.leaves()[i], log_.openings()[i]));
    }
    RETURN_IF_ERROR(writer->Finish(log_.CheckpointAt(log_.size())));
    return sealer->Finish();
  }
  absl::Status SealFiles(const FileMap& files) {
    ASSIGN_OR_RETURN(const auto sealer, ExportSealer::Create(Path("sealed"), auditor_));
    for (const auto& [name, bytes] : files) RETURN_IF_ERROR(sealer->Put(name, bytes));
    return sealer->Finish();
  }
  absl::Status OpenWith(const std::string& key) {
    return OpenSealedExport({.file = Path("sealed"), .key_file = Path(key), .out = Path("out")});
  }
  // Whatever was refused left nothing behind, temporary names included.
  std::set<std::string> Beside() const {
    std::set<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
      names.insert(file.path().filename().string());
    }
    return names;
  }
  void ExpectRefused(const absl::Status& expected_code, const std::string& why,
                     const std::string& key = "auditor.key") {
    const std::set<std::string> before = Beside();
    EXPECT_THAT(OpenWith(key), StatusIs(expected_code.code(), HasSubstr(why)));
    EXPECT_EQ(Beside(), before);
  }

  TestLog log_;
  TempDir dir_;
  Recipients auditor_;
};

TEST_F(SealedExportTest, EachRecipientOpensItAndGetsTheExportAsItIs) {
  testing::ExportLog(log_, Path("clear"));
  Recipients all;
  for (const TestRecipient* recipient : {&Auditor(), &Court(), &Ministry()}) {
    ASSERT_OK(all.Add(recipient->pem(), kNow));
  }
  EXPECT_EQ(all.size(), 3u);
  ASSERT_OK(Seal(all));
  for (const TestRecipient* recipient : {&Auditor(), &Court(), &Ministry()}) {
    WriteFile(Path("key"), recipient->key_pem());
    ASSERT_OK(OpenWith("key"));
    EXPECT_EQ(FilesUnder(Path("out")), FilesUnder(Path("clear")));
    EXPECT_FALSE(std::filesystem::exists(Path("out/.tmp")));
    struct stat info {};
    ASSERT_EQ(::stat(Path("out").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0700u) << "what it holds is its owner's alone";
    std::filesystem::remove_all(Path("out"));
  }
}

TEST_F(SealedExportTest, OpensslAndTarOpenIt) {
  testing::ExportLog(log_, Path("clear"));
  Recipients both = auditor_;
  ASSERT_OK(both.Add(Court().pem(), kNow));
  ASSERT_OK(Seal(both));
  WriteFile(Path("court.key"), Court().key_pem());
  for (const std::string& key : {std::string("auditor.key"), std::string("court.key")}) {
    const testing::Ran ran = testing::RunShell(absl::StrCat(
        "cd ", dir_.path(),
        " && rm -rf out && mkdir out && openssl cms -decrypt -binary -inform DER -in sealed",
        " -inkey ", key, " -out archive.tar && tar xf archive.tar -C out"));
    ASSERT_EQ(ran.exit_code, 0) << ran.out;
    EXPECT_EQ(FilesUnder(Path("out")), FilesUnder(Path("clear"))) << key;
  }
}

TEST_F(SealedExportTest, IsWhatTheStandardsSay) {
  Recipients both = auditor_;
  ASSERT_OK(both.Add(Court().pem(), kNow));
  ASSERT_OK(Seal(both));
  const std::string printed =
      testing::RunShell(
          absl::StrCat("openssl cms -cmsout -print -noout -inform DER -in ", Path("sealed")))
          .out;
  for (const absl::string_view part :
       {"id-smime-ct-authEnvelopedData", "aes-256-gcm", "rsaesOaep", ":sha256", "id-aes256-wrap",
        "dhSinglePass-stdDH-sha256kdf-scheme"}) {
    EXPECT_THAT(printed, HasSubstr(std::string(part)));
  }
}

TEST_F(SealedExportTest, TheFileIsTheSameForNobodyTwice) {
  ASSERT_OK(Seal(auditor_));
  const std::string first = ReadFile(Path("sealed"));
  ASSERT_OK(Seal(auditor_));
  EXPECT_NE(ReadFile(Path("sealed")), first) << "a fresh key each time";
}

TEST_F(SealedExportTest, NoPlaintextIsInIt) {
  ASSERT_OK(SealFiles({{"payload/000", std::string(100'000, 'P') + "planted-plaintext"}}));
  const std::string sealed = ReadFile(Path("sealed"));
  EXPECT_THAT(sealed, ::testing::Not(HasSubstr("planted")));
  EXPECT_THAT(sealed, ::testing::Not(HasSubstr("PPPPPPPP")));
  EXPECT_THAT(sealed, ::testing::Not(HasSubstr("payload/")));
  ASSERT_OK(OpenWith("auditor.key"));
  EXPECT_THAT(ReadFile(Path("out/payload/000")), HasSubstr("planted-plaintext"));
}

TEST_F(SealedExportTest, AStrangersKeyOpensNothing) {
  Recipients both = auditor_;
  ASSERT_OK(both.Add(Court().pem(), kNow));
  ASSERT_OK(Seal(both));
  WriteFile(Path("rsa.key"), TestRecipient({.key = "RSA"}).key_pem());
  WriteFile(Path("p384.key"), Ministry().key_pem());
  WriteFile(Path("ed25519.key"), TestRecipient({.key = "ED25519"}).key_pem());
  for (const std::string& key : {std::string("nobody.key"), std::string("rsa.key"),
                                 std::string("p384.key"), std::string("ed25519.key")}) {
    ExpectRefused(absl::PermissionDeniedError(""), "this key is of none of the recipients", key);
  }
}

TEST_F(SealedExportTest, AChangedByteOpensNothingElse) {
  ASSERT_OK(SealFiles({{"checkpoint", "note"}, {"log.vkey", "key"}}));
  const std::string sealed = ReadFile(Path("sealed"));
  ASSERT_OK(OpenWith("auditor.key"));
  const FileMap opened = FilesUnder(Path("out"));
  std::filesystem::remove_all(Path("out"));
  const std::set<std::string> before = Beside();
  size_t refused_by_the_tag = 0;
  for (size_t at = 0; at < sealed.size(); ++at) {
    std::string bent = sealed;
    bent[at] = static_cast<char>(bent[at] ^ 0x04);
    WriteFile(Path("sealed"), bent);
    const absl::Status status = OpenWith("auditor.key");
    if (status.ok()) {  // who a recipient is, by name, is not authenticated
      EXPECT_EQ(FilesUnder(Path("out")), opened) << at;
      std::filesystem::remove_all(Path("out"));
      continue;
    }
    EXPECT_EQ(Beside(), before) << at << status;
    if (absl::StrContains(status.message(), "its tag does not verify")) {
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
      ++refused_by_the_tag;
    }
  }
  // Two files of two blocks each, and two blocks at the end.
  EXPECT_GE(refused_by_the_tag, 6 * kArchiveBlock + 16);
}

TEST_F(SealedExportTest, ACutOrLengthenedFileOpensNothing) {
  ASSERT_OK(Seal(auditor_));
  const std::string sealed = ReadFile(Path("sealed"));
  for (const std::string& bytes :
       {std::string(), sealed.substr(0, 1), sealed.substr(0, sealed.size() / 2),
        sealed.substr(0, sealed.size() - 1), sealed + '\0', sealed + sealed,
        std::string("-----BEGIN CMS-----\n"), std::string(1000, '\0'), std::string(1000, '0')}) {
    WriteFile(Path("sealed"), bytes);
    ExpectRefused(absl::FailedPreconditionError(""), "is not a sealed file");
  }
}

// As OpenSSL streams it, the tag stands before the ends of three levels.
TEST_F(SealedExportTest, AShortTagIsRefused) {
  ASSERT_OK(Seal(auditor_));
  const std::string sealed = ReadFile(Path("sealed"));
  constexpr size_t kTagAt = 2 + 16 + 6;
  ASSERT_EQ(sealed.substr(sealed.size() - kTagAt, 2), "\x04\x10");
  const std::string before = sealed.substr(0, sealed.size() - kTagAt);
  const std::string tag = sealed.substr(sealed.size() - kTagAt + 2, 16);
  for (const size_t length : {0, 1, 4, 8, 12, 15}) {
    WriteFile(Path("sealed"), absl::StrCat(before, std::string(1, '\x04'),
                                           std::string(1, static_cast<char>(length)),
                                           tag.substr(0, length), std::string(6, '\0')));
    const std::set<std::string> beside = Beside();
    EXPECT_FALSE(OpenWith("auditor.key").ok()) << length;
    EXPECT_EQ(Beside(), beside) << length;
  }
  WriteFile(Path("sealed"), sealed);
  EXPECT_OK(OpenWith("auditor.key"));
}

// What other programs can make of it, which is not what we promise.
std::string EncryptedOtherwise(const EVP_CIPHER* cipher, absl::string_view bytes) {
  const std::unique_ptr<BIO, OpensslDeleter<BIO_free>> in(
      BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  const std::unique_ptr<BIO, OpensslDeleter<BIO_free>> pem(
      BIO_new_mem_buf(Auditor().pem().data(), -1));
  STACK_OF(X509)* const to = sk_X509_new_null();
  sk_X509_push(to, PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr));
  const std::unique_ptr<CMS_ContentInfo, OpensslDeleter<CMS_ContentInfo_free>> cms(
      CMS_encrypt(to, in.get(), cipher, CMS_BINARY));
  OpensslDeleter<X509_free>()(sk_X509_value(to, 0));
  OpensslDeleter<OPENSSL_sk_free>()(reinterpret_cast<OPENSSL_STACK*>(to));
  const std::unique_ptr<BIO, OpensslDeleter<BIO_free>> out(BIO_new(BIO_s_mem()));
  EXPECT_GT(i2d_CMS_bio(out.get(), cms.get()), 0);
  char* der = nullptr;
  const long size = BIO_get_mem_data(out.get(), &der);
  return {der, static_cast<size_t>(size)};
}

TEST_F(SealedExportTest, OtherEncryptionsAreRefused) {
  const std::string archive(kArchiveEndBytes, '\0');
  WriteFile(Path("sealed"), EncryptedOtherwise(EVP_aes_256_gcm(), archive));
  ASSERT_OK(OpenWith("auditor.key")) << "DER of somebody else's";
  std::filesystem::remove_all(Path("out"));
  WriteFile(Path("sealed"), EncryptedOtherwise(EVP_aes_128_gcm(), archive));
  ExpectRefused(absl::FailedPreconditionError(""), "is not under AES-256-GCM");
  WriteFile(Path("sealed"), EncryptedOtherwise(EVP_aes_256_cbc(), archive));
  ExpectRefused(absl::FailedPreconditionError(""), "is not a sealed file");
}

TEST_F(SealedExportTest, WhatIsNoExportLeavesNothingBehind) {
  ASSERT_OK(SealFiles({{"checkpoint", "note"}, {"../evil", "gotcha"}}));
  ExpectRefused(absl::DataLossError(""), "no export has a file named");
  EXPECT_FALSE(std::filesystem::exists(Path("evil")));
  ASSERT_OK_AND_ASSIGN(auto sealer, ExportSealer::Create(Path("sealed"), auditor_));
  ASSERT_OK(sealer->Put("checkpoint", "one"));
  ASSERT_OK(sealer->Put("checkpoint", "two"));
  ASSERT_OK(sealer->Finish());
  ExpectRefused(absl::DataLossError(""), "has checkpoint twice");
}

// Not a byte of it is looked at before all of it was verified.
TEST_F(SealedExportTest, WhatDoesNotVerifyIsNotEvenFoundToBeNoExport) {
  ASSERT_OK(SealFiles({{"../evil", "gotcha"}}));
  const std::string sealed = ReadFile(Path("sealed"));
  size_t refused_by_the_tag = 0;
  for (size_t at = sealed.size() - 40; at < sealed.size(); ++at) {  // the tag, and what closes it
    std::string bent = sealed;
    bent[at] = static_cast<char>(bent[at] ^ 0x04);
    WriteFile(Path("sealed"), bent);
    const std::string why(OpenWith("auditor.key").message());
    EXPECT_THAT(why, HasSubstr(Path("sealed")));
    EXPECT_THAT(why, Not(HasSubstr("no export has a file named"))) << at;
    refused_by_the_tag += absl::StrContains(why, "its tag does not verify") ? 1 : 0;
  }
  EXPECT_GE(refused_by_the_tag, 16u);
}

TEST_F(SealedExportTest, NothingThatIsThereIsReplaced) {
  ASSERT_OK(Seal(auditor_));
  std::filesystem::create_directory(Path("out"));
  ExpectRefused(absl::InvalidArgumentError(""), "is there already");
  std::filesystem::remove(Path("out"));
  std::filesystem::create_symlink(Path("elsewhere"), Path("out"));
  ExpectRefused(absl::InvalidArgumentError(""), "is there already");
  std::filesystem::remove(Path("out"));
  // A shell completes folders with a slash.
  EXPECT_OK(OpenSealedExport(
      {.file = Path("sealed"), .key_file = Path("auditor.key"), .out = Path("out/")}));
  EXPECT_TRUE(std::filesystem::exists(Path("out/checkpoint")));
  EXPECT_THAT(
      OpenSealedExport(
          {.file = Path("sealed"), .key_file = Path("auditor.key"), .out = Path("absent/out")}),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("absent/out")));
}

TEST_F(SealedExportTest, WhatIsNoKeyIsRefused) {
  ASSERT_OK(Seal(auditor_));
  ExpectRefused(absl::NotFoundError(""), "absent.key", "absent.key");
  WriteFile(Path("cert.key"), Auditor().pem());
  ExpectRefused(absl::InvalidArgumentError(""), "is no private key in PEM form", "cert.key");
  WriteFile(Path("large.key"),
            std::string(kMaxPrivateKeyFileBytes - Auditor().key_pem().size(), '\n') +
                Auditor().key_pem());
  EXPECT_OK(OpenWith("large.key"));
  std::filesystem::remove_all(Path("out"));
  WriteFile(Path("large.key"), "\n" + ReadFile(Path("large.key")));
  ExpectRefused(absl::OutOfRangeError(""), "large.key", "large.key");
  std::filesystem::remove(Path("sealed"));
  ExpectRefused(absl::NotFoundError(""), "sealed");
}

TEST_F(SealedExportTest, TheLimitIsTheFilesSizeOnBothSides) {
  EXPECT_EQ(kMaxSealedBytes, 1u << 30);
  ASSERT_OK(Seal(auditor_));
  // An ECDSA signature in a certificate is of no constant size, what is made here is.
  const size_t size = ReadFile(Path("sealed")).size();
  SealedExport what{.file = Path("sealed"), .key_file = Path("auditor.key"), .out = Path("out")};
  what.max_bytes = size - 1;
  EXPECT_THAT(OpenSealedExport(what), StatusIs(absl::StatusCode::kOutOfRange));
  what.max_bytes = size;
  EXPECT_OK(OpenSealedExport(what));

  EXPECT_OK(Seal(auditor_, size));
  std::filesystem::remove(Path("sealed"));
  const std::set<std::string> before = Beside();
  for (const size_t limit : {size - 1, size_t{3000}, size_t{0}}) {
    EXPECT_THAT(Seal(auditor_, limit),
                StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("--in-clear")))
        << limit;
    EXPECT_EQ(Beside(), before) << "nothing of it stays";
  }
}

TEST_F(SealedExportTest, UntilItIsFinishedTheOldFileStands) {
  WriteFile(Path("sealed"), "the one of yesterday");
  const std::set<std::string> before = Beside();
  {
    ASSERT_OK_AND_ASSIGN(const auto sealer, ExportSealer::Create(Path("sealed"), auditor_));
    ASSERT_OK(sealer->Put("payload/000", std::string(50'000, 'P')));
    struct stat info {};
    ASSERT_EQ(::stat(Path("sealed.tmp").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0600u);
    EXPECT_GT(info.st_size, 40'000) << "it is written as it comes";
    EXPECT_THAT(ReadFile(Path("sealed.tmp")), ::testing::Not(HasSubstr("PPPP")));
    EXPECT_EQ(ReadFile(Path("sealed")), "the one of yesterday");
  }
  EXPECT_EQ(Beside(), before);
  EXPECT_EQ(ReadFile(Path("sealed")), "the one of yesterday");
  {
    ASSERT_OK_AND_ASSIGN(const auto sealer, ExportSealer::Create(Path("sealed"), auditor_));
    ASSERT_OK(sealer->Finish());
    WriteFile(Path("sealed.tmp"), "somebody else's by now");
  }
  EXPECT_TRUE(std::filesystem::exists(Path("sealed.tmp")));
}

TEST_F(SealedExportTest, WhereItCannotBeWrittenItSaysSo) {
  EXPECT_THAT(ExportSealer::Create(Path("absent/sealed"), auditor_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("absent/sealed.tmp: open")));
  std::filesystem::create_symlink(Path("elsewhere"), Path("sealed.tmp"));
  EXPECT_THAT(ExportSealer::Create(Path("sealed"), auditor_),
              StatusIs(absl::StatusCode::kUnavailable))
      << "a link in the temporary's place is not followed";
  std::filesystem::remove(Path("sealed.tmp"));
  std::filesystem::create_directories(Path("sealed/folder"));
  EXPECT_THAT(Seal(auditor_), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("rename")));
  EXPECT_FALSE(std::filesystem::exists(Path("sealed.tmp")));
  EXPECT_THAT(ExportSealer::Create(Path("x"), Recipients()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no recipient")));
}

// As a full disk: each write fails that would make a file larger than this.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    former_signal_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &former_);
    const rlimit limit{bytes, former_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &former_);
    std::signal(SIGXFSZ, former_signal_);
  }

 private:
  rlimit former_{};
  void (*former_signal_)(int) = nullptr;
};

TEST_F(SealedExportTest, ADiskThatIsFullLeavesNothing) {
  ASSERT_OK(SealFiles({{"checkpoint", "note"}, {"payload/000", std::string(20'000, 'P')}}));
  const size_t size = ReadFile(Path("sealed")).size();
  WriteFile(Path("sealed"), "the one of yesterday");
  const std::set<std::string> before = Beside();
  for (const size_t limit : {size_t{0}, size_t{2000}, size / 2, size - 100, size - 1}) {
    const FileSizeLimit full(limit);
    EXPECT_THAT(SealFiles({{"checkpoint", "note"}, {"payload/000", std::string(20'000, 'P')}}),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("write")))
        << limit;
    EXPECT_EQ(Beside(), before) << limit;
  }
  EXPECT_EQ(ReadFile(Path("sealed")), "the one of yesterday");
  // Nor does opening: what was written until then is gone.
  ASSERT_OK(SealFiles({{"checkpoint", "note"}, {"payload/000", std::string(20'000, 'P')}}));
  const FileSizeLimit full(10'000);
  ExpectRefused(absl::UnavailableError(""), "write");
}

TEST(Recipients, WhomAnExportIsNotSealedFor) {
  Recipients recipients;
  const auto add = [&](const std::string& pem, int64_t now = kNow) {
    return recipients.Add(pem, now);
  };
  const auto refused = [](const std::string& why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  EXPECT_THAT(add(""), refused("is no certificate in PEM form"));
  EXPECT_THAT(add(Auditor().key_pem()), refused("is no certificate in PEM form"));
  EXPECT_THAT(add(Auditor().pem() + Court().pem()), refused("has more than one certificate"));
  EXPECT_THAT(add(TestRecipient({.key = "RSA-1024"}).pem()), refused("is too short"));
  EXPECT_THAT(add(TestRecipient({.key = "P-192"}).pem()), refused("is too short"));
  EXPECT_THAT(add(TestRecipient({.key = "ED25519"}).pem()), refused("neither RSA nor EC"));
  EXPECT_THAT(add(TestRecipient({.key = "RSA", .key_usage = "digitalSignature"}).pem()),
              refused("allows no encryption"));
  EXPECT_THAT(add(TestRecipient({.key = "RSA", .key_usage = "keyAgreement"}).pem()),
              refused("allows no encryption"));
  EXPECT_THAT(add(TestRecipient({.key_usage = "keyEncipherment"}).pem()),
              refused("allows no encryption"));
  EXPECT_EQ(recipients.size(), 0u);

  const TestRecipient day({.not_before_s = kNow, .not_after_s = kNow + 86400});
  EXPECT_THAT(add(day.pem(), kNow - 1), refused("has expired, or is not valid yet"));
  EXPECT_THAT(add(day.pem(), kNow + 86401), refused("has expired, or is not valid yet"));
  EXPECT_OK(add(day.pem(), kNow + 1));
  EXPECT_OK(add(day.pem(), kNow + 86399));
  EXPECT_OK(add("some text of openssl x509 -text\n" + Court().pem()));
  EXPECT_OK(
      add(TestRecipient({.key = "RSA", .key_usage = "keyEncipherment,dataEncipherment"}).pem()));
  EXPECT_OK(add(Ministry().pem()));
  EXPECT_EQ(recipients.size(), 5u);
}

}  // namespace
}  // namespace auditledger
