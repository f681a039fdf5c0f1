// Brings a database of an older format to kDatabaseFormat (key_format.h).
//
// Format 1 had one range of keys for each kind of record: 'L', 'P' or 'I' BE64(index), and tiles of
// level 0 beside those above. Values are the same.
//
// Thread-safety: the opening thread, before anything else uses the database.
#ifndef AUDITLEDGER_LEDGER_FORMAT_UPGRADE_H_
#define AUDITLEDGER_LEDGER_FORMAT_UPGRADE_H_

#include "leveldb/db.h"

namespace auditledger {

// Moves each record to its new key, old and new in one batch, and writes the format last: cut short
// by a crash, it goes on at the next start. It takes about the time of copying the database, once.
// REQUIRES: the database has format 1.
leveldb::Status UpgradeFromFormat1(leveldb::DB& db);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FORMAT_UPGRADE_H_
