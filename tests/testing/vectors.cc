#include "tests/testing/vectors.h"

#include <sstream>

#include "absl/strings/escaping.h"
#include "merkle/base64.h"
#include "merkle/status_macros.h"
#include "tests/testing/shared_path.h"

namespace auditledger::testing {

std::string VectorPath(const std::string& relative) { return "testdata/vectors/" + relative; }

nlohmann::json ReadVectors(const std::string& relative) {
  return nlohmann::json::parse(ReadFile(SharedPath(VectorPath(relative))));
}

std::vector<nlohmann::json> ReadVectorLines(const std::string& relative) {
  std::istringstream in(ReadFile(SharedPath(VectorPath(relative))));
  std::vector<nlohmann::json> values;
  for (std::string line; std::getline(in, line);) values.push_back(nlohmann::json::parse(line));
  return values;
}

absl::StatusOr<Hash> HashFromBase64(const nlohmann::json& value) {
  return Hash::FromBase64(value.get<std::string>());
}

absl::StatusOr<std::vector<Hash>> HashesFromBase64(const nlohmann::json& values) {
  std::vector<Hash> hashes;
  if (values.is_null()) return hashes;
  for (const nlohmann::json& value : values) {
    ASSIGN_OR_RETURN(const Hash hash, HashFromBase64(value));
    hashes.push_back(hash);
  }
  return hashes;
}

std::vector<Hash> HashesFromHex(const nlohmann::json& values) {
  std::vector<Hash> hashes;
  for (const nlohmann::json& value : values) {
    hashes.push_back(Hash::FromHex(value.get<std::string>()).value());
  }
  return hashes;
}

std::string BytesFromHex(const std::string& hex) { return absl::HexStringToBytes(hex); }

std::string BytesFromBase64(const std::string& base64) {
  return DecodeBase64("test vector", base64).value();
}

}  // namespace auditledger::testing
