// What a ledger's log of the log says, a line for each of its events.
#ifndef AUDITLEDGER_TESTS_API_ACCESS_RECORD_H_
#define AUDITLEDGER_TESTS_API_ACCESS_RECORD_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "auditledger/v1/event.pb.h"
#include "ledger/ledger.h"
#include "merkle/header.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {

// "110101 read LedgerService/GetEntry by local:app: ledgers/main/entries/1" for each access event.
inline std::string DescribeAccess(const v1::AuditEvent& event) {
  std::string out =
      absl::StrCat(event.category(0).coding(0).code(), " ", event.code(0).coding(0).code(), " ",
                   event.code(0).text(), " by ", event.agent(0).who().reference(), ":");
  for (const v1::Entity& entity : event.entity()) {
    absl::StrAppend(&out, " ", entity.what().reference());
    if (event.category(0).coding(0).code() == "110113") {
      absl::StrAppend(&out, " x", entity.record_count());
    }
  }
  return out;
}

inline std::vector<std::string> OnRecord(Ledger& ledger) {
  std::vector<std::string> out;
  EXPECT_OK(ledger.ReadEntries(0, ledger.head()->head.size, true, [&](const StoredEntry& entry) {
    if (!entry.opening.has_value()) return true;
    const EntryHeader header = ParseHeader(entry.opening->header).value();
    if (!absl::StartsWith(header.principal, "ledger:")) return true;
    EXPECT_EQ(header.principal, "ledger:" + ledger.origin());
    EXPECT_EQ(header.stream_id, "access");
    EXPECT_EQ(header.flags, 0u);
    v1::AuditEvent event;
    EXPECT_TRUE(event.ParseFromString(entry.opening->event));
    out.push_back(DescribeAccess(event));
    return true;
  }));
  return out;
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_ACCESS_RECORD_H_
