// The vectors of tests/testdata/seal, made by the second implementation (tools/vectorgen.py).
#ifndef AUDITLEDGER_TESTS_MERKLE_SEAL_VECTORS_H_
#define AUDITLEDGER_TESTS_MERKLE_SEAL_VECTORS_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/hash.h"
#include "merkle/header.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {

inline nlohmann::json SealVectors(const std::string& file) {
  return nlohmann::json::parse(ReadFile(SourcePath("tests/testdata/seal/" + file)));
}

// "ab 61*3 cd" is the bytes ab 61 61 61 cd.
inline std::string Bytes(const std::string& text) {
  std::string out;
  for (absl::string_view token : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const std::vector<std::string> parts = absl::StrSplit(token, '*');
    uint32_t count = 1;
    if (parts.size() == 2) {
      EXPECT_TRUE(absl::SimpleAtoi(parts[1], &count)) << text;
    }
    for (; count > 0; --count) out += absl::HexStringToBytes(parts[0]);
  }
  return out;
}
inline std::string Bytes(const nlohmann::json& text) { return Bytes(text.get<std::string>()); }
inline Hash HashOf(const nlohmann::json& text) { return Hash::FromBytes(Bytes(text)).value(); }

inline EntryHeader HeaderOf(const nlohmann::json& fields) {
  EntryHeader header;
  header.received_at_us = fields["received_at_us"];
  header.flags = fields["flags"];
  header.principal = Bytes(fields["principal"]);
  header.stream_id = Bytes(fields["stream_id"]);
  header.event_id = Bytes(fields["event_id"]);
  header.stream_sequence = fields["stream_sequence"];
  if (fields.contains("signature")) {
    header.signature = EmitterSignature{Bytes(fields["signature"]["public_key"]),
                                        Bytes(fields["signature"]["signature"])};
  }
  return header;
}

// Every hostile vector for `parser` is refused as malformed, and the message blames the right part.
inline void ExpectHostileRefused(const std::string& parser,
                                 const std::function<absl::Status(const nlohmann::json&)>& parse) {
  int seen = 0;
  const nlohmann::json file = SealVectors("hostile.json");
  for (const nlohmann::json& vector : file["vectors"]) {
    if (vector["parser"] != parser) continue;
    ++seen;
    SCOPED_TRACE(parser + ": " + vector["name"].get<std::string>());
    EXPECT_THAT(parse(vector), StatusIs(absl::StatusCode::kInvalidArgument,
                                        ::testing::HasSubstr(vector["blames"].get<std::string>())));
  }
  EXPECT_GT(seen, 0) << "no hostile vectors for " << parser;
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_MERKLE_SEAL_VECTORS_H_
