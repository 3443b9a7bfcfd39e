#include "wire/seal/strict_json.h"

#include <algorithm>
#include <set>
#include <vector>

namespace tercet::seal {

using nlohmann::json;

tl::expected<json, std::string> parse_strict(std::string_view text) {
  if (text.size() > kJsonBytesMax) {
    return tl::unexpected("longer than " + std::to_string(kJsonBytesMax) + " bytes");
  }
  std::string fault;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth >= kJsonDepthMax && fault.empty()) {
      fault = "nested too deeply";
    }
    if (event == json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == json::parse_event_t::key && fault.empty() &&
               !keys.back().insert(value.get<std::string>()).second) {
      fault = "\"" + value.get<std::string>() + "\" stands there twice";
    }
    return fault.empty();
  };
  json document = json::parse(text, watch, false);
  if (!fault.empty()) {
    return tl::unexpected(fault);
  }
  if (document.is_discarded()) {
    return tl::unexpected(std::string("not JSON, or cut off"));
  }
  if (!document.is_object()) {
    return tl::unexpected(std::string("not a JSON object"));
  }
  return document;
}

const json* JsonReader::member(const char* name) {
  asked_.emplace_back(name);
  const auto found = object_.find(name);
  return found == object_.end() ? nullptr : &*found;
}

std::string JsonReader::text(const char* name) {
  const json* value = member(name);
  if (value == nullptr || !value->is_string()) {
    fault(std::string("\"") + name + "\" " + (value == nullptr ? "is missing" : "is not a string"));
    return {};
  }
  return value->get<std::string>();
}

uint64_t JsonReader::number(const char* name, uint64_t low, uint64_t high) {
  const json* value = member(name);
  if (value == nullptr || !value->is_number_unsigned()) {
    fault(std::string("\"") + name + "\" " + (value == nullptr ? "is missing" : "is not a whole number"));
    return low;
  }
  const auto n = value->get<uint64_t>();
  if (n < low || n > high) {
    fault(std::string("\"") + name + "\" is " + std::to_string(n) + ": it must be " + std::to_string(low) +
          " to " + std::to_string(high));
    return low;
  }
  return n;
}

void JsonReader::fault(const std::string& what) {
  if (fault_.empty()) {
    fault_ = what;
  }
}

std::string JsonReader::finish() {
  for (const auto& item : object_.items()) {
    if (std::ranges::find(asked_, item.key()) == asked_.end()) {
      fault("\"" + item.key() + "\" is unknown");
    }
  }
  return fault_;
}

}  // namespace tercet::seal
