// Keys in a token: SoftHSM 2, in a folder of its own for this process. Its PINs can be wrong, its
// objects gone, as those of a module in a rack.
// Covers: ledger/pkcs11_session, ledger/pkcs11_master
#include "ledger/pkcs11_key.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <p11-kit/pkcs11.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/key_files.h"
#include "ledger/master_key_source.h"
#include "ledger/pkcs11_master.h"
#include "ledger/posix_file.h"
#include "ledger/signer_folder.h"
#include "ledger/signer_service.h"
#include "merkle/checkpoint.h"
#include "merkle/ed25519_verify.h"
#include "merkle/leaf.h"
#include "tests/testing/foreign_leaks.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kModule[] = "/usr/lib/softhsm/libsofthsm2.so";
constexpr char kToken[] = "ledger test";
constexpr char kChanged[] = "its PIN is changed";
constexpr char kPin[] = "4711-0815";
constexpr char kOrigin[] = "example.org/clinic";
const Head kOne{1, LeafHash("first"), 11};

class Pkcs11KeyTest : public ::testing::Test {
 protected:
  // The module reads its configuration once a process.
  static void SetUpTestSuite() {
    if (!PathExists(kModule)) return;
    temp_ = new TempDir;
    std::filesystem::create_directory(*temp_ / "tokens");
    ASSERT_OK(CreateFile(*temp_ / "conf",
                         absl::StrCat("directories.tokendir = ", *temp_ / "tokens", "\n")));
    ::setenv("SOFTHSM2_CONF", (*temp_ / "conf").c_str(), 1);
    for (const char* label : {kToken, kChanged, "twin", "twin"}) {
      const std::string command = absl::StrCat("softhsm2-util --init-token --free --label '", label,
                                               "' --pin ", kPin, " --so-pin 12345678 >/dev/null");
      ASSERT_EQ(std::system(command.c_str()), 0);
    }
    ASSERT_OK(CreateFile(*temp_ / "pin", absl::StrCat(kPin, "\n")));
  }
  static void TearDownTestSuite() {
    delete temp_;
    temp_ = nullptr;
  }
  void SetUp() override {
    if (temp_ != nullptr) return;
    if (std::getenv("CI") != nullptr) FAIL() << kModule << " is missing: tools/dev deps build";
    GTEST_SKIP() << kModule << " is missing: apt-get install softhsm2";
  }

  static Pkcs11Spec Spec(const std::string& key, const std::string& token = kToken) {
    return {kModule, token, key, *temp_ / "pin"};
  }
  static absl::StatusOr<std::unique_ptr<SigningKey>> Open(const Pkcs11Spec& spec,
                                                          const std::string& pin = kPin) {
    return OpenPkcs11Key(spec, SecretString(pin));
  }
  static absl::Status Generate(const std::string& key) {
    return GeneratePkcs11Key(Spec(key), SecretString(kPin));
  }
  static inline TempDir* temp_ = nullptr;
  const testing::ForeignLeaks softhsm_;
};

TEST_F(Pkcs11KeyTest, SignsDeterministicallyWithAKeyMadeInTheToken) {
  ASSERT_OK(Generate("one"));
  EXPECT_THAT(Generate("one"), StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(const auto key, Open(Spec("one")));
  ASSERT_OK_AND_ASSIGN(const std::string signature, key->Sign("message"));
  EXPECT_OK(VerifyEd25519(key->public_key(), "message", signature));
  EXPECT_EQ(key->Sign("message").value(), signature);
  EXPECT_NE(key->Sign("another").value(), signature);
  ASSERT_OK_AND_ASSIGN(const auto again, Open(Spec("one")));
  EXPECT_EQ(again->public_key(), key->public_key());
  EXPECT_EQ(again->Sign("message").value(), signature);
  ASSERT_OK(Generate("two"));
  EXPECT_NE(Open(Spec("two")).value()->public_key(), key->public_key());
}

TEST_F(Pkcs11KeyTest, WhatIsNotThereOrNotOneIsSaid) {
  EXPECT_THAT(Open(Spec("absent")), StatusIs(absl::StatusCode::kNotFound, HasSubstr("absent")));
  EXPECT_THAT(Open(Spec("one", "nobody's")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none named nobody's")));
  EXPECT_THAT(Open(Spec("one", "twin")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("2 are named twin")));
  Pkcs11Spec spec = Spec("one");
  spec.module = *temp_ / "absent.so";
  EXPECT_THAT(Open(spec), StatusIs(absl::StatusCode::kNotFound, HasSubstr("cannot load")));
  spec.module = "/lib/x86_64-linux-gnu/libm.so.6";
  if (PathExists(spec.module)) {
    EXPECT_THAT(Open(spec), StatusIs(absl::StatusCode::kNotFound, HasSubstr("no PKCS #11")));
  }
}

TEST_F(Pkcs11KeyTest, ARotatedKeyIsFollowedByOneOfAnotherLabel) {
  const std::string dir = *temp_ / "rotated";
  constexpr char kName[] = "example.org/rotated";
  ASSERT_OK_AND_ASSIGN(const NoteVerifier old_key, CreatePkcs11Origin(dir, kName, Spec("year 1")));
  ASSERT_OK_AND_ASSIGN(const auto signer, OpenSignerOrigin(dir, kName));
  ASSERT_OK(signer->Sign(kOne, {}));
  Random& random = Random::System();
  EXPECT_THAT(RotateSignerKey(dir, kName, OldKey::kKeep, std::nullopt, random),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("in a token")));
  EXPECT_THAT(RotateSignerKey(dir, kName, OldKey::kDestroy, Spec("year 2"), random),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("own tool")));
  EXPECT_THAT(RotateSignerKey(dir, kName, OldKey::kKeep, Spec("year 1"), random),
              StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(const NoteVerifier next,
                       RotateSignerKey(dir, kName, OldKey::kKeep, Spec("year 2"), random));
  EXPECT_THAT(RotateSignerKey(dir, kName, OldKey::kKeep, Spec("year 3"), random),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("is prepared")));

  ASSERT_OK_AND_ASSIGN(const std::optional<std::string> body, signer->PendingKeyChange());
  Leaf leaf;
  leaf.kind = EntryKind::kKeyChange;
  leaf.recorded_at_us = 12;
  leaf.body = *body;
  ASSERT_OK_AND_ASSIGN(const std::string bytes, EncodeLeaf(leaf));
  const Head two{2, NodeHash(kOne.root, LeafHash(bytes)), 12};
  EXPECT_FALSE(signer->SignKeyChange(two, {{LeafHash(bytes)}}, bytes, {}).ok()) << "no proof";
  ASSERT_OK_AND_ASSIGN(const std::string note,
                       signer->SignKeyChange(two, {{LeafHash(bytes)}}, bytes, {{kOne.root}}));
  EXPECT_OK(OpenCheckpoint(note, kName, next));
  EXPECT_FALSE(OpenCheckpoint(note, kName, old_key).ok());
  EXPECT_EQ(signer->verifier().ToVkey(), next.ToVkey());
  EXPECT_OK(Open(Spec("year 1"))) << "the old key stays in the token";
}

TEST_F(Pkcs11KeyTest, AnOriginSignsWithItsTokenAndRemembers) {
  const std::string dir = *temp_ / "signer";
  ASSERT_OK_AND_ASSIGN(const NoteVerifier made, CreatePkcs11Origin(dir, kOrigin, Spec("clinic")));
  const std::string path = SignerOriginPath(dir, kOrigin);
  EXPECT_FALSE(PathExists(path + "/log.key"));
  EXPECT_THAT(ReadWholeFile(path + "/pkcs11.key", 4096).value(), Not(HasSubstr(kPin)));
  std::string note;
  for (int start = 0; start < 2; ++start) {
    ASSERT_OK_AND_ASSIGN(const auto signer, OpenSignerOrigin(dir, kOrigin));
    ASSERT_OK_AND_ASSIGN(const std::string signed_note, signer->Sign(kOne, {}));
    EXPECT_OK(OpenCheckpoint(signed_note, kOrigin, made));
    EXPECT_TRUE(start == 0 || signed_note == note) << "the same head, the same bytes";
    note = signed_note;
    EXPECT_THAT(signer->Sign({1, LeafHash("fork"), 12}, {}),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  EXPECT_OK(ListSignerOrigins(dir)->at(0).problem);
  EXPECT_EQ(ListSignerOrigins(dir)->at(0).last, kOne);
  EXPECT_THAT(CreatePkcs11Origin(dir, kOrigin, Spec("clinic")),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

// The folder is lost and the key is not: an empty memory would let it sign any history anew.
TEST_F(Pkcs11KeyTest, AKeyThatIsThereIsTakenOnlyByOneWhoSaysWhatItHasSigned) {
  const std::string dir = *temp_ / "lost";
  const Pkcs11Spec spec = Spec("lost");
  EXPECT_THAT(CreatePkcs11Origin(dir, kOrigin, spec, Head()), StatusIs(absl::StatusCode::kNotFound))
      << "said to be there and is not";
  ASSERT_OK_AND_ASSIGN(const NoteVerifier made, CreatePkcs11Origin(dir, kOrigin, spec));
  ASSERT_OK(OpenSignerOrigin(dir, kOrigin).value()->Sign(kOne, {}));
  std::filesystem::remove_all(dir);
  EXPECT_THAT(CreatePkcs11Origin(dir, kOrigin, spec),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("may have signed")));
  EXPECT_FALSE(PathExists(SignerOriginPath(dir, kOrigin)));
  ASSERT_OK_AND_ASSIGN(const NoteVerifier again, CreatePkcs11Origin(dir, kOrigin, spec, kOne));
  EXPECT_EQ(again.ToVkey(), made.ToVkey());
  {
    ASSERT_OK_AND_ASSIGN(const auto signer, OpenSignerOrigin(dir, kOrigin));
    EXPECT_EQ(signer->LastSigned().value(), (Head{kOne.size, kOne.root, 0})) << "adopted";
    EXPECT_THAT(signer->Sign({1, LeafHash("fork"), 12}, {}),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  std::filesystem::remove_all(dir);
  ASSERT_OK(CreatePkcs11Origin(dir, kOrigin, spec, Head())) << "its owner answers for it";
  EXPECT_EQ(OpenSignerOrigin(dir, kOrigin).value()->LastSigned().value(), std::nullopt);
}

// One suite for both kinds of key: the module reads its configuration once a process.
TEST_F(Pkcs11KeyTest, AMasterKeyIsDerivedFromASecretThatStaysInTheToken) {
  const SecretString pin{kPin};
  const Pkcs11Spec spec = Spec("master");
  EXPECT_THAT(DerivePkcs11Master(spec, pin),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("generic secret")));
  ASSERT_OK(GeneratePkcs11Master(spec, pin));
  EXPECT_THAT(GeneratePkcs11Master(spec, pin), StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(const SecretString key, DerivePkcs11Master(spec, pin));
  EXPECT_EQ(key.Reveal().size(), 32u);
  EXPECT_EQ(DerivePkcs11Master(spec, pin)->Reveal(), key.Reveal()) << "the same each time";
  ASSERT_OK(GeneratePkcs11Master(Spec("master 2"), pin));
  EXPECT_NE(DerivePkcs11Master(Spec("master 2"), pin)->Reveal(), key.Reveal());
  EXPECT_THAT(DerivePkcs11Master(spec, SecretString("0000")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("PIN")));

  const std::string file = *temp_ / "master.pkcs11";
  ASSERT_OK(CreateFile(file, FormatPkcs11Spec(spec)));
  ASSERT_OK_AND_ASSIGN(const auto master, LoadMasterKey("pkcs11:" + file));
  EXPECT_EQ(master->fingerprint(),
            MasterKey::FromBytes(SecretString(std::string(key.Reveal())))->fingerprint());
  ASSERT_OK(ReplaceFile(file, FormatPkcs11Spec(Spec("master 3"))));
  ASSERT_OK(MakeMasterKeyInToken(file));
  EXPECT_THAT(MakeMasterKeyInToken(file), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_NE(LoadMasterKey("pkcs11:" + file).value()->fingerprint(), master->fingerprint());
  ASSERT_OK(ReplaceFile(file, "rubbish"));
  EXPECT_THAT(LoadMasterKey("pkcs11:" + file),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("master key of pkcs11:" + file)));
}

TEST_F(Pkcs11KeyTest, AnotherKeyOfTheTokenIsNotTakenForIt) {
  const std::string dir = *temp_ / "swapped";
  ASSERT_OK(CreatePkcs11Origin(dir, kOrigin, Spec("first")));
  ASSERT_OK(CreatePkcs11Origin(dir, "example.org/ward", Spec("second")));
  ASSERT_OK(ReplaceFile(SignerOriginPath(dir, kOrigin) + "/pkcs11.key",
                        FormatPkcs11Spec(Spec("second"))));
  EXPECT_THAT(OpenSignerOrigin(dir, kOrigin),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not that of")));
}

TEST_F(Pkcs11KeyTest, ThePinIsPrivateOneLineAndTriedOnce) {
  const std::string dir = *temp_ / "pins";
  const std::string file = *temp_ / "pin-of-pins";
  Pkcs11Spec spec = Spec("pins");
  spec.pin_file = file;
  for (const char* wrong : {"", "\n", "no end", "two\nlines\n"}) {
    ASSERT_OK(ReplaceFile(file, wrong));
    EXPECT_THAT(CreatePkcs11Origin(dir, kOrigin, spec),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("one line")));
  }
  ASSERT_OK(ReplaceFile(file, absl::StrCat(kPin, "\n")));
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  EXPECT_THAT(CreatePkcs11Origin(dir, kOrigin, spec),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("chmod 600")));
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  ASSERT_OK(CreatePkcs11Origin(dir, kOrigin, spec));

  ASSERT_OK(ReplaceFile(file, "0000\n"));
  SignerService service(dir);
  const SignerRequest question{SignerMessage::kLastSigned, kOrigin, {}, {}};
  const SignerAnswer refused = service.Answer(question);
  EXPECT_EQ(refused.error, SignerError::kRefused);
  EXPECT_THAT(refused.text, AllOf(HasSubstr("PIN"), Not(HasSubstr("0000"))));
  ASSERT_OK(ReplaceFile(file, absl::StrCat(kPin, "\n")));
  EXPECT_THAT(service.Answer(question).text, HasSubstr("not tried again"));
  SignerService started_again(dir);
  EXPECT_EQ(started_again.Answer(question).type, SignerMessage::kLastSignedAnswer);
}

// Gives the token another PIN, by the module that is loaded already, and ends all its sessions.
void ChangePin(std::string from, std::string to) {
  void* const library = ::dlopen(kModule, RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr);
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* f = nullptr;
  ASSERT_EQ(get(&f), CKR_OK);
  std::vector<CK_SLOT_ID> slots(16);
  CK_ULONG count = slots.size();
  ASSERT_EQ(f->C_GetSlotList(CK_TRUE, slots.data(), &count), CKR_OK);
  slots.resize(count);
  for (const CK_SLOT_ID slot : slots) {
    CK_TOKEN_INFO info = {};
    ASSERT_EQ(f->C_GetTokenInfo(slot, &info), CKR_OK);
    const absl::string_view label(reinterpret_cast<const char*>(info.label), sizeof(info.label));
    if (!absl::StartsWith(label, kChanged)) continue;
    ASSERT_EQ(f->C_CloseAllSessions(slot), CKR_OK);
    CK_SESSION_HANDLE session = 0;
    ASSERT_EQ(
        f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session),
        CKR_OK);
    const auto bytes = [](std::string& text) {
      return reinterpret_cast<unsigned char*>(text.data());
    };
    ASSERT_EQ(f->C_SetPIN(session, bytes(from), from.size(), bytes(to), to.size()), CKR_OK);
    ASSERT_EQ(f->C_CloseAllSessions(slot), CKR_OK);
  }
}

// The token drops its session, and the PIN has been changed: each question would be one more wrong
// PIN, and the ledger asks again until its patience is at an end.
TEST_F(Pkcs11KeyTest, APinRefusedWhileItServesIsTriedOnce) {
  const std::string dir = *temp_ / "changed";
  ASSERT_OK(CreatePkcs11Origin(dir, kOrigin, Spec("changed", kChanged)));
  auto service = std::make_unique<SignerService>(dir);
  const SignerRequest question{SignerMessage::kSign, kOrigin, kOne, {}};
  ASSERT_EQ(service->Answer(question).type, SignerMessage::kSignAnswer);
  ASSERT_NO_FATAL_FAILURE(ChangePin(kPin, "another-PIN"));
  const SignerAnswer refused = service->Answer(question);
  EXPECT_EQ(refused.error, SignerError::kRefused);
  EXPECT_THAT(refused.text, AllOf(HasSubstr("PIN"), HasSubstr("not tried again")));
  ASSERT_NO_FATAL_FAILURE(ChangePin("another-PIN", kPin));
  EXPECT_THAT(service->Answer(question).text, HasSubstr("not tried again")) << "no login was made";
  service = std::make_unique<SignerService>(dir);
  EXPECT_EQ(service->Answer(question).type, SignerMessage::kSignAnswer);
}

}  // namespace
}  // namespace auditledger
