#include "tools/strict_json.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace auditledger {
namespace {

using nlohmann::json;

std::string Position(absl::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  size_t line = 1;
  size_t column = 1;
  for (size_t i = 0; i + 1 < offset; ++i) {
    ++column;
    if (text[i] == '\n') {
      ++line;
      column = 1;
    }
  }
  return absl::StrCat("line ", line, ", column ", column);
}

// Builds the value; the first refusal stops the parser.
class Builder : public nlohmann::json_sax<json> {
 public:
  Builder(absl::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(int64_t value) override { return Add(value); }
  bool number_unsigned(uint64_t value) override { return Add(value); }
  bool number_float(double, const std::string& digits) override {
    return Add(kDecimalMark + digits);
  }
  bool string(std::string& value) override {
    return CheckText(value, "text") && Add(std::move(value));
  }
  bool binary(json::binary_t&) override { return Refuse("binary value"); }
  bool start_object(size_t) override { return Open(json::object()); }
  bool start_array(size_t) override { return Open(json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(std::string& name) override {
    if (!CheckText(name, "name")) return false;
    if (stack_.back()->contains(name)) {
      return Refuse(absl::StrCat("the name \"", name, "\" occurs twice"));
    }
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t offset, const std::string&, const json::exception&) override {
    if (status_.ok()) {
      status_ =
          absl::InvalidArgumentError(absl::StrCat("not valid JSON at ", Position(text_, offset)));
    }
    return false;
  }

  absl::StatusOr<json> Take() && {
    if (!status_.ok()) return status_;
    return std::move(root_);
  }

 private:
  bool Refuse(absl::string_view why) {
    std::string path;
    for (size_t i = 1; i < path_.size(); ++i) absl::StrAppend(&path, "/", path_[i]);
    status_ = absl::InvalidArgumentError(
        absl::StrCat("JSON at ", path.empty() ? "the top" : path, ": ", why));
    return false;
  }

  bool CheckText(const std::string& text, absl::string_view what) {
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') {
        return Refuse(absl::StrCat(what, " holds a control character"));
      }
    }
    return true;
  }

  // Puts a value where the parser stands and returns its place.
  json* Place(json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool Add(json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(json container) {
    if (stack_.size() >= limits_.max_depth) {
      return Refuse(absl::StrCat("nested deeper than ", limits_.max_depth));
    }
    const bool in_array = !stack_.empty() && stack_.back()->is_array();
    path_.push_back(in_array ? absl::StrCat(stack_.back()->size()) : key_);
    stack_.push_back(Place(std::move(container)));
    return true;
  }
  bool Close() {
    stack_.pop_back();
    path_.pop_back();
    return true;
  }

  const absl::string_view text_;
  const JsonLimits limits_;
  json root_;
  // Containers being filled. Their addresses stay: only the innermost one grows.
  std::vector<json*> stack_;
  std::vector<std::string> path_;
  std::string key_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<json> ParseStrictJson(absl::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("JSON of ", text.size(), " bytes; at most ", limits.max_bytes));
  }
  Builder builder(text, limits);
  json::sax_parse(text.begin(), text.end(), &builder);
  return std::move(builder).Take();
}

std::string FormatJson(const json& value, int indent) {
  const std::string text =
      value.dump(indent, ' ', /*ensure_ascii=*/false, json::error_handler_t::replace);
  // A marked number is a string whose first character is the mark, which dump writes as an escape.
  constexpr absl::string_view kMarked = "\"\\u0001";
  std::string out;
  size_t from = 0;
  for (size_t at = text.find(kMarked.data()); at != std::string::npos;
       at = text.find(kMarked.data(), from)) {
    out.append(text, from, at - from);
    const size_t digits = at + kMarked.size();
    const size_t end = text.find('"', digits);
    out.append(text, digits, end - digits);
    from = end + 1;
  }
  out.append(text, from, std::string::npos);
  return out;
}

}  // namespace auditledger
