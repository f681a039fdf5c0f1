// Reading the public test vectors of ../shared/testdata/vectors.
#ifndef AUDITLEDGER_TESTS_TESTING_VECTORS_H_
#define AUDITLEDGER_TESTS_TESTING_VECTORS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "merkle/hash.h"
#include "nlohmann/json.hpp"

namespace auditledger::testing {

// "testdata/vectors/<relative>": what SharedPath and REQUIRE_SHARED take.
std::string VectorPath(const std::string& relative);
// The whole file as JSON, or one value a line. Aborts when it is absent: call REQUIRE_SHARED first.
nlohmann::json ReadVectors(const std::string& relative);
std::vector<nlohmann::json> ReadVectorLines(const std::string& relative);

// A hash, or a list of them (null is the empty list), in base64 or hexadecimal.
absl::StatusOr<Hash> HashFromBase64(const nlohmann::json& value);
absl::StatusOr<std::vector<Hash>> HashesFromBase64(const nlohmann::json& values);
std::vector<Hash> HashesFromHex(const nlohmann::json& values);

// The bytes of hexadecimal text, or base64 text; aborts on bad text.
std::string BytesFromHex(const std::string& hex);
std::string BytesFromBase64(const std::string& base64);

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_VECTORS_H_
