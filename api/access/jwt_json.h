// A JSON object read strictly (jansson), for what comes from token issuers and clients.
//
// Refused: a member that occurs twice, at any depth (two readers would take two values), invalid
// UTF-8, NUL in a string, integers over 64 bits, anything after the object.
//
// Example:
//   ASSIGN_OR_RETURN(const JsonObject claims, JsonObject::Parse(payload));
//   ASSIGN_OR_RETURN(const std::string issuer, claims.Text("iss"));
//
// Thread-safety: const methods. Copies share the value.
// Errors: InvalidArgument, which names the member and never tells what it holds; NotFound for a
// member that is absent.
#ifndef AUDITLEDGER_API_ACCESS_JWT_JSON_H_
#define AUDITLEDGER_API_ACCESS_JWT_JSON_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct json_t;  // jansson's: stays in jwt_json.cc

namespace auditledger {

class JsonObject {
 public:
  // REQUIRES: the caller has limited `text`'s size.
  static absl::StatusOr<JsonObject> Parse(absl::string_view text);

  bool Has(const char* name) const;
  absl::StatusOr<std::string> Text(const char* name) const;
  // A JSON integer: 1.0 and 1e3 are none.
  absl::StatusOr<int64_t> Integer(const char* name) const;
  // A string, or an array of strings.
  absl::StatusOr<std::vector<std::string>> Texts(const char* name) const;
  absl::StatusOr<JsonObject> Object(const char* name) const;
  // An array of objects.
  absl::StatusOr<std::vector<JsonObject>> Objects(const char* name) const;

 private:
  explicit JsonObject(std::shared_ptr<const json_t> value) : value_(std::move(value)) {}
  absl::StatusOr<const json_t*> Member(const char* name) const;
  // A part of this value, which it keeps alive.
  JsonObject Part(const json_t* part) const { return JsonObject({value_, part}); }

  std::shared_ptr<const json_t> value_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_API_ACCESS_JWT_JSON_H_
