#include "api/access/jwt_json.h"

#include <jansson.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

absl::Status WrongType(const char* name, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" must be ", wanted));
}

std::string TextOf(const json_t* value) {
  return std::string(json_string_value(value), json_string_length(value));
}

}  // namespace

absl::StatusOr<JsonObject> JsonObject::Parse(absl::string_view text) {
  json_error_t error;
  json_t* const value = json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, &error);
  // jansson's message would quote the text.
  if (value == nullptr) {
    return absl::InvalidArgumentError(json_error_code(&error) == json_error_duplicate_key
                                          ? "a JSON member occurs twice"
                                          : "is not JSON");
  }
  std::shared_ptr<const json_t> owned(value, [value](const json_t*) { json_decref(value); });
  if (!json_is_object(value)) return absl::InvalidArgumentError("is not a JSON object");
  return JsonObject(std::move(owned));
}

bool JsonObject::Has(const char* name) const {
  return json_object_get(value_.get(), name) != nullptr;
}

absl::StatusOr<const json_t*> JsonObject::Member(const char* name) const {
  const json_t* const member = json_object_get(value_.get(), name);
  if (member == nullptr) return absl::NotFoundError(absl::StrCat("\"", name, "\" is missing"));
  return member;
}

absl::StatusOr<std::string> JsonObject::Text(const char* name) const {
  ASSIGN_OR_RETURN(const json_t* const member, Member(name));
  if (!json_is_string(member)) return WrongType(name, "a string");
  return TextOf(member);
}

absl::StatusOr<int64_t> JsonObject::Integer(const char* name) const {
  ASSIGN_OR_RETURN(const json_t* const member, Member(name));
  if (!json_is_integer(member)) return WrongType(name, "an integer");
  return json_integer_value(member);
}

absl::StatusOr<std::vector<std::string>> JsonObject::Texts(const char* name) const {
  ASSIGN_OR_RETURN(const json_t* const member, Member(name));
  if (json_is_string(member)) return std::vector<std::string>{TextOf(member)};
  if (!json_is_array(member)) return WrongType(name, "a string or an array of strings");
  std::vector<std::string> out;
  for (size_t i = 0; i < json_array_size(member); ++i) {
    const json_t* const element = json_array_get(member, i);
    if (!json_is_string(element)) return WrongType(name, "a string or an array of strings");
    out.push_back(TextOf(element));
  }
  return out;
}

absl::StatusOr<JsonObject> JsonObject::Object(const char* name) const {
  ASSIGN_OR_RETURN(const json_t* const member, Member(name));
  if (!json_is_object(member)) return WrongType(name, "an object");
  return Part(member);
}

absl::StatusOr<std::vector<JsonObject>> JsonObject::Objects(const char* name) const {
  ASSIGN_OR_RETURN(const json_t* const member, Member(name));
  if (!json_is_array(member)) return WrongType(name, "an array of objects");
  std::vector<JsonObject> out;
  for (size_t i = 0; i < json_array_size(member); ++i) {
    const json_t* const element = json_array_get(member, i);
    if (!json_is_object(element)) return WrongType(name, "an array of objects");
    out.push_back(Part(element));
  }
  return out;
}

}  // namespace auditledger
