#include "ledger/format_upgrade.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "ledger/key_format.h"
#include "leveldb/db.h"
#include "merkle/bytes.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::TempDir;

std::string OldKey(char prefix, uint64_t index, const std::string& level = "") {
  std::string key = prefix + level;
  PutU64(key, index);
  return key;
}

std::map<std::string, std::string> All(leveldb::DB& db) {
  std::map<std::string, std::string> all;
  const std::unique_ptr<leveldb::Iterator> it(db.NewIterator({}));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    all[it->key().ToString()] = it->value().ToString();
  }
  return all;
}

// The golden ledgers of format 1 (golden_test.cc) are whole ones; here a crash may come between.
TEST(FormatUpgradeTest, MovesEveryRecordAndGoesOnAfterACrash) {
  const TempDir dir;
  leveldb::Options options;
  options.create_if_missing = true;
  leveldb::DB* raw = nullptr;
  ASSERT_TRUE(leveldb::DB::Open(options, dir / "db", &raw).ok());
  const std::unique_ptr<leveldb::DB> db(raw);
  std::map<std::string, std::string> wanted;
  const auto put = [&](const std::string& key, const std::string& becomes, std::string value) {
    // Some were moved already, by an upgrade that a crash cut short.
    const bool moved = wanted.size() % 3 == 2;
    ASSERT_TRUE(db->Put({}, moved ? becomes : key, value).ok());
    wanted[becomes] = std::move(value);
  };
  const std::string large(3 << 20, 'p');  // several batches
  for (const uint64_t i : {uint64_t{0}, uint64_t{1}, uint64_t{5000}, UINT64_MAX}) {
    put(OldKey('L', i), RecordKey(RecordKind::kLeaf, i), "leaf");
    put(OldKey('P', i), RecordKey(RecordKind::kPayload, i), large);
    put(OldKey('I', i), RecordKey(RecordKind::kIdentity, i), "identity");
    put(OldKey('T', i / 256, std::string(1, '\0')), TileKey({0, i / 256}), "tile");
  }
  put(TileKey({1, 0}), TileKey({1, 0}), "upper tile");
  put(StreamKey(7), StreamKey(7), "stream");
  put(kHeadKey, kHeadKey, "head");
  ASSERT_TRUE(db->Put({}, kFormatKey, EncodeFormat(1)).ok());
  wanted[kFormatKey] = EncodeFormat(kDatabaseFormat);
  ASSERT_TRUE(UpgradeFromFormat1(*db).ok());
  EXPECT_EQ(All(*db), wanted);
}

}  // namespace
}  // namespace auditledger
