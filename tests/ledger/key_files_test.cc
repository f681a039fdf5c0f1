#include "ledger/key_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/master_key.h"
#include "ledger/posix_file.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FakeRandom;
using ::auditledger::testing::FileFaults;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kOrigin[] = "example.org/ledger";
const char* const kFiles[] = {"dedup.key", "index.key", "log.key", "wrap-1.key"};

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

class KeyFilesTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(CreateKeyFiles(keys_, kOrigin, random_)); }
  absl::Status Load() { return LoadKeyFiles(keys_, kOrigin).status(); }

  TempDir dir_;
  const std::string keys_ = dir_ / "keys";
  FakeRandom random_{1};
};

TEST_F(KeyFilesTest, AreAllMadePrivateAndDifferent) {
  EXPECT_EQ(ModeOf(keys_), 0700u);
  for (const char* name : kFiles) EXPECT_EQ(ModeOf(keys_ + "/" + name), 0600u) << name;
  EXPECT_EQ(ModeOf(keys_ + "/log.vkey"), 0644u);
  EXPECT_THAT(ListDirectory(keys_).value(),
              ElementsAre("dedup.key", "index.key", "log.key", "log.vkey", "wrap-1.key"));
  ASSERT_OK_AND_ASSIGN(const LedgerKeys keys, LoadKeyFiles(keys_, kOrigin));
  EXPECT_EQ(keys.log_verifier.name(), kOrigin);
  EXPECT_EQ(ReadWholeFile(keys_ + "/log.vkey", 1000).value(), keys.log_verifier.ToVkey() + "\n");
  const std::vector<std::string> all = {
      std::string(keys.log_seed.Reveal()), std::string(keys.index_key.Reveal()),
      std::string(keys.dedup_key.Reveal()), std::string(keys.wrapping_keys.at(1).Reveal())};
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].size(), 32u);
    for (size_t k = 0; k < i; ++k) EXPECT_NE(all[i], all[k]);
  }
}

TEST_F(KeyFilesTest, AreNeverMadeOverOthers) {
  EXPECT_THAT(CreateKeyFiles(keys_, kOrigin, random_), StatusIs(absl::StatusCode::kAlreadyExists));
  for (const char* name : {"log.key", "wrap-2.key", "other.key"}) {
    const std::string one = dir_ / (std::string("only-") + name);
    ASSERT_OK(MakeDirectory(one));
    ASSERT_OK(CreateFile(one + "/" + name, "x"));
    EXPECT_THAT(CreateKeyFiles(one, kOrigin, random_), StatusIs(absl::StatusCode::kAlreadyExists));
    EXPECT_EQ(ReadWholeFile(one + "/" + name, 10).value(), "x");
  }
}

TEST_F(KeyFilesTest, AreMadeByOneAtATime) {
  ASSERT_OK_AND_ASSIGN(const PosixFile other, PosixFile::Open(dir_.path(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(::chmod(dir_.path().c_str(), 0700), 0);
  ASSERT_EQ(::flock(other.fd(), LOCK_EX), 0);
  EXPECT_THAT(CreateKeyFiles(dir_.path(), kOrigin, random_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another process")));
}

// Wherever making them is cut short, making them again gives whole keys or finds them whole.
TEST_F(KeyFilesTest, ACreationCutShortCanBeRepeated) {
  for (const FileOperation operation :
       {FileOperation::kWrite, FileOperation::kSync, FileOperation::kRename}) {
    for (uint64_t step = 0;; ++step) {
      const std::string dir = dir_ / ("cut-" + std::to_string(static_cast<int>(operation)) + "-" +
                                      std::to_string(step));
      ASSERT_OK(MakeDirectory(dir));
      absl::Status cut;
      {
        const FileFaults faults(operation, dir, EIO, step);
        cut = CreateKeyFiles(dir, kOrigin, random_);
      }
      const absl::Status again = CreateKeyFiles(dir, kOrigin, random_);
      if (!again.ok()) {
        EXPECT_THAT(again, StatusIs(absl::StatusCode::kAlreadyExists));
      }
      EXPECT_OK(LoadKeyFiles(dir, kOrigin).status()) << cut;
      if (!cut.ok()) continue;
      EXPECT_GE(step, 5u);
      break;
    }
  }
}

TEST_F(KeyFilesTest, OpenToOthersAreRefusedWithTheCommandThatMendsIt) {
  for (const char* name : kFiles) {
    const std::string path = keys_ + "/" + name;
    for (const mode_t mode : {0640u, 0604u, 0620u, 0601u}) {
      ASSERT_EQ(::chmod(path.c_str(), mode), 0);
      EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                   AllOf(HasSubstr(path), HasSubstr("chmod 600 " + path))));
    }
    ASSERT_EQ(::chmod(path.c_str(), 0400), 0);
    EXPECT_OK(Load());
  }
  ASSERT_EQ(::chmod(keys_.c_str(), 0750), 0);
  EXPECT_THAT(Load(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("chmod 700 " + keys_)));
}

TEST_F(KeyFilesTest, OfAnotherUserAreRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file to another user";
  for (const char* name : kFiles) {
    const std::string path = keys_ + "/" + name;
    ASSERT_EQ(::chown(path.c_str(), 1, 1), 0);
    EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 AllOf(HasSubstr(path), HasSubstr("chown 0 "))));
    ASSERT_EQ(::chown(path.c_str(), 0, 0), 0);
  }
  ASSERT_EQ(::chown(keys_.c_str(), 1, 1), 0);
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(keys_)));
}

TEST_F(KeyFilesTest, OfAnotherOriginAreRefused) {
  EXPECT_THAT(LoadKeyFiles(keys_, "example.org/other"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("example.org/other")));
}

TEST_F(KeyFilesTest, DamagedMissingOrOverlongAreRefusedByName) {
  for (const char* name : kFiles) {
    const std::string path = keys_ + "/" + name;
    const std::string good = ReadWholeFile(path, 1000).value();
    ASSERT_OK(ReplaceFile(path, good + "x"));
    EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path)));
    ASSERT_OK(ReplaceFile(path, std::string(4097, 'x')));
    EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("at most 4096")));
    ASSERT_OK(ReplaceFile(path, std::string(4096, 'x')));
    EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kDataLoss, Not(HasSubstr("at most"))));
    ASSERT_OK(RemoveFile(path));
    EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kNotFound));
    ASSERT_OK(CreateFile(path, good));
    EXPECT_OK(Load());
  }
}

TEST_F(KeyFilesTest, WhereAProcessHoldsTheKeyItsPublicHalfIsKept) {
  const NoteVerifier held = LoadKeyFiles(keys_, kOrigin)->log_verifier;
  const std::string beside = dir_ / "beside";
  ASSERT_OK(CreateKeyFilesBesideSigner(beside, held, random_));
  EXPECT_FALSE(PathExists(beside + "/log.key"));
  ASSERT_OK_AND_ASSIGN(const LedgerKeys loaded, LoadKeyFiles(beside, kOrigin));
  EXPECT_EQ(loaded.log_verifier.ToVkey(), held.ToVkey());
  EXPECT_TRUE(loaded.log_seed.Reveal().empty());
  EXPECT_EQ(loaded.wrapping_keys.size(), 1u);
  EXPECT_THAT(CreateKeyFilesBesideSigner(beside, held, random_),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(LoadKeyFiles(beside, "example.org/other"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("signer.vkey")));
  const std::string good = held.ToVkey() + "\n";
  for (const char* name : {"/log.vkey", "/signer.vkey"}) {
    for (const char* wrong : {"", "rubbish\n", "rubbish"}) {
      ASSERT_OK(ReplaceFile(beside + name, wrong));
      EXPECT_THAT(LoadKeyFiles(beside, kOrigin), StatusIs(absl::StatusCode::kDataLoss)) << wrong;
    }
    ASSERT_OK(ReplaceFile(beside + name, good));
  }
  // What a crash left of it is begun again.
  ASSERT_OK(RemoveFile(beside + "/signer.vkey"));
  EXPECT_THAT(LoadKeyFiles(beside, kOrigin), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(CreateKeyFilesBesideSigner(beside, held, random_));
  EXPECT_OK(LoadKeyFiles(beside, kOrigin));
}

TEST_F(KeyFilesTest, ThePublicHalfMayBeAbsentButNotAnothers) {
  ASSERT_OK(RemoveFile(keys_ + "/log.vkey"));
  EXPECT_OK(Load());
  ASSERT_OK(CreateFile(keys_ + "/log.vkey", "another\n"));
  EXPECT_THAT(Load(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("log.vkey")));
}

TEST_F(KeyFilesTest, TheHighestWrappingKeyIsCurrentAndOlderOnesStay) {
  const std::string second(32, '2');
  ASSERT_OK(
      CreateFile(keys_ + "/wrap-65535.key", FormatSymmetricKey("wrap", 65535, second).Reveal()));
  for (const char* ignored : {"wrap-.key", "wrap-01.key", "wrap-65536.key", "wrap-x.key",
                              "wrap.key", "wrap-2.key.tmp", "xwrap-2.key"}) {
    ASSERT_OK(CreateFile(keys_ + "/" + ignored, "not a key"));
  }
  ASSERT_OK_AND_ASSIGN(const LedgerKeys keys, LoadKeyFiles(keys_, kOrigin));
  const std::unique_ptr<KeyProvider> provider = NewFileKeyProvider(keys);
  EXPECT_EQ(provider->current_key_id(), 65535);
  EXPECT_EQ(provider->WrappingKey(65535).value(), second);
  EXPECT_OK(provider->WrappingKey(1));
  EXPECT_THAT(provider->WrappingKey(2), StatusIs(absl::StatusCode::kNotFound));
}

const char* const kSymmetricFiles[] = {"dedup.key", "index.key", "wrap-1.key"};

// Keys sealed under a master key, in a folder of their own.
class SealedKeyFilesTest : public KeyFilesTest {
 protected:
  static MasterKey Master(char filled_with) {
    return MasterKey::FromBytes(SecretString(std::string(32, filled_with))).value();
  }
  absl::Status LoadUnder(const MasterKey& master) {
    return LoadKeyFiles(keys_, kOrigin, &master).status();
  }
  std::string Read(const std::string& name) {
    return ReadWholeFile(keys_ + "/" + name, 4096).value();
  }
  const MasterKey master_ = Master('m');
  const MasterKey other_ = Master('o');
};

TEST_F(SealedKeyFilesTest, AreMadeSealedAndOpenUnderTheirMasterKeyAlone) {
  const std::string sealed = dir_ / "sealed";
  ASSERT_OK(CreateKeyFiles(sealed, kOrigin, random_, &master_));
  for (const char* name : kSymmetricFiles) {
    EXPECT_TRUE(IsSealedText(ReadWholeFile(sealed + "/" + name, 4096).value())) << name;
    EXPECT_EQ(ModeOf(sealed + "/" + name), 0600u) << name;
  }
  ASSERT_OK_AND_ASSIGN(const LedgerKeys keys, LoadKeyFiles(sealed, kOrigin, &master_));
  EXPECT_EQ(keys.wrapping_keys.at(1).Reveal().size(), 32u);
  EXPECT_THAT(LoadKeyFiles(sealed, kOrigin),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(master_.fingerprint()), HasSubstr("--master_key"))));
  EXPECT_THAT(LoadKeyFiles(sealed, kOrigin, &other_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(master_.fingerprint()), HasSubstr(other_.fingerprint()))));
  const std::string beside = dir_ / "beside";
  ASSERT_OK(CreateKeyFilesBesideSigner(beside, keys.log_verifier, random_, &master_));
  EXPECT_OK(LoadKeyFiles(beside, kOrigin, &master_));
  EXPECT_FALSE(LoadKeyFiles(beside, kOrigin).ok());
}

TEST_F(SealedKeyFilesTest, ClearOnesAreNotTakenBesideAMasterKey) {
  EXPECT_THAT(LoadUnder(master_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("auditctl seal-keys")));
}

TEST_F(SealedKeyFilesTest, AreNotTakenFromOneAnother) {
  ASSERT_OK(CreateFile(keys_ + "/wrap-2.key",
                       FormatSymmetricKey("wrap", 2, std::string(32, '2')).Reveal()));
  ASSERT_OK(SealKeyFiles(keys_, kOrigin, master_, nullptr, random_));
  ASSERT_OK(LoadUnder(master_));
  ASSERT_OK(ReplaceFile(keys_ + "/wrap-2.key", Read("wrap-1.key")));
  EXPECT_THAT(LoadUnder(master_), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("wrap-2.key")));
}

TEST_F(SealedKeyFilesTest, ClearOnesAreSealedAndKeepTheirKeys) {
  const LedgerKeys before = LoadKeyFiles(keys_, kOrigin).value();
  ASSERT_OK_AND_ASSIGN(const PosixFile clear, PosixFile::Open(keys_ + "/index.key", O_RDONLY));
  ASSERT_OK_AND_ASSIGN(const SealedFiles done,
                       SealKeyFiles(keys_, kOrigin, master_, nullptr, random_));
  EXPECT_EQ(done.sealed, 3u);
  EXPECT_EQ(done.kept, 0u);
  ASSERT_OK_AND_ASSIGN(const LedgerKeys after, LoadKeyFiles(keys_, kOrigin, &master_));
  EXPECT_EQ(after.index_key.Reveal(), before.index_key.Reveal());
  EXPECT_EQ(after.dedup_key.Reveal(), before.dedup_key.Reveal());
  EXPECT_EQ(after.wrapping_keys.at(1).Reveal(), before.wrapping_keys.at(1).Reveal());
  EXPECT_EQ(after.log_seed.Reveal(), before.log_seed.Reveal());
  const std::string left = clear.ReadExactly(0, clear.Size().value()).value();
  EXPECT_EQ(left.find_first_not_of('\0'), std::string::npos) << "the old file's own blocks";
  EXPECT_EQ(SealKeyFiles(keys_, kOrigin, master_, nullptr, random_)->kept, 3u);
}

TEST_F(SealedKeyFilesTest, AnotherMasterKeyTakesThemOver) {
  ASSERT_OK(SealKeyFiles(keys_, kOrigin, master_, nullptr, random_));
  const std::string before = Read("wrap-1.key");
  EXPECT_THAT(SealKeyFiles(keys_, kOrigin, other_, nullptr, random_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(master_.fingerprint())));
  const MasterKey third = Master('3');
  EXPECT_FALSE(SealKeyFiles(keys_, kOrigin, other_, &third, random_).ok());
  EXPECT_EQ(Read("wrap-1.key"), before) << "refused before anything is changed";
  EXPECT_EQ(SealKeyFiles(keys_, kOrigin, other_, &master_, random_)->sealed, 3u);
  EXPECT_OK(LoadUnder(other_));
  EXPECT_FALSE(LoadUnder(master_).ok());
}

TEST_F(SealedKeyFilesTest, AKeyIsAddedSealedAndARetiredOneIsSealedAnewWithTheOthers) {
  ASSERT_OK(SealKeyFiles(keys_, kOrigin, master_, nullptr, random_));
  ASSERT_OK_AND_ASSIGN(const AddedWrappingKey added,
                       AddWrappingKey(keys_, kOrigin, random_, &master_));
  EXPECT_EQ(added.id, 2);
  EXPECT_TRUE(IsSealedText(Read("wrap-2.key")));
  ASSERT_OK(RetireWrappingKeys(keys_, 2, /*keep=*/true));
  EXPECT_EQ(LoadKeyFiles(keys_, kOrigin, &master_)->wrapping_keys.size(), 1u);
  EXPECT_EQ(SealKeyFiles(keys_, kOrigin, other_, &master_, random_)->sealed, 4u);
  ASSERT_OK(RenameDurably(keys_ + "/retired-wrap-1.key", keys_ + "/wrap-1.key"));
  EXPECT_EQ(LoadKeyFiles(keys_, kOrigin, &other_)->wrapping_keys.size(), 2u);
  ASSERT_OK(RetireWrappingKeys(keys_, 2, /*keep=*/false));
  EXPECT_FALSE(PathExists(keys_ + "/wrap-1.key"));
  EXPECT_FALSE(PathExists(keys_ + "/retired-wrap-1.key"));
}

TEST_F(SealedKeyFilesTest, NothingIsSealedForAnotherOriginOrWhenItIsNoKey) {
  EXPECT_THAT(SealKeyFiles(keys_, "example.org/other", master_, nullptr, random_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(ReplaceFile(keys_ + "/wrap-1.key", "auditledger-key/v1 wrap 2 rubbish\n"));
  EXPECT_THAT(SealKeyFiles(keys_, kOrigin, master_, nullptr, random_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("wrap-1.key")));
  for (const char* name : kSymmetricFiles) EXPECT_FALSE(IsSealedText(Read(name))) << name;
}

// Wherever sealing is cut short, each file is whole, and the next run finishes.
TEST_F(SealedKeyFilesTest, SealingCutShortIsFinishedByTheNext) {
  for (const FileOperation operation :
       {FileOperation::kOpen, FileOperation::kRead, FileOperation::kWrite, FileOperation::kSync,
        FileOperation::kRename}) {
    for (uint64_t step = 0;; ++step) {
      const std::string dir = dir_ / ("cut-" + std::to_string(static_cast<int>(operation)) + "-" +
                                      std::to_string(step));
      ASSERT_OK(CreateKeyFiles(dir, kOrigin, random_));
      const LedgerKeys before = LoadKeyFiles(dir, kOrigin).value();
      absl::Status cut;
      {
        const FileFaults faults(operation, dir, EIO, step);
        cut = SealKeyFiles(dir, kOrigin, master_, nullptr, random_).status();
      }
      ASSERT_OK(SealKeyFiles(dir, kOrigin, master_, nullptr, random_));
      ASSERT_OK_AND_ASSIGN(const LedgerKeys after, LoadKeyFiles(dir, kOrigin, &master_));
      EXPECT_EQ(after.wrapping_keys.at(1).Reveal(), before.wrapping_keys.at(1).Reveal());
      if (!cut.ok()) continue;
      EXPECT_GE(step, 3u);
      break;
    }
  }
}

TEST_F(KeyFilesTest, EveryFileAndTheFolderAreSynced) {
  const FileFaults counted(FileOperation::kSync, dir_.path(), 0);
  ASSERT_OK(CreateKeyFiles(dir_ / "new", kOrigin, random_));
  EXPECT_EQ(counted.seen(), 1u + 5 * 2) << "the parent, then each file and its folder";
}

}  // namespace
}  // namespace auditledger
