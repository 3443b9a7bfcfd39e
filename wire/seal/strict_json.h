#pragma once
// JSON documents from outside: bounded in size and depth, no key twice, nothing behind the document. For
// files that are read at start or by a command; never on the polling path and never in the license book.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace tercet::seal {

inline constexpr size_t kJsonBytesMax = 64 << 10;
inline constexpr int kJsonDepthMax = 8;

/// The document, an object; or what is wrong with it, in words that go behind "FILE: ".
tl::expected<nlohmann::json, std::string> parse_strict(std::string_view text);

/// Reads an object's members by name and, at the end, refuses those that nobody asked for. The first fault is
/// kept.
class JsonReader {
 public:
  explicit JsonReader(const nlohmann::json& object) : object_(object) {}
  /// A string, or "" and a fault.
  std::string text(const char* name);
  /// An integer in [low, high], or low and a fault.
  uint64_t number(const char* name, uint64_t low, uint64_t high);
  /// A member of any kind, or nullptr (no fault).
  const nlohmann::json* member(const char* name);
  void fault(const std::string& what);
  /// The first fault, or the first member that was not asked for, or "".
  [[nodiscard]] std::string finish();

 private:
  const nlohmann::json& object_;
  std::string fault_;
  std::vector<std::string> asked_;
};

}  // namespace tercet::seal
