#pragma once
// The one form of a flat JSON object that an issuer signs: members in a fixed order, no white space. So a
// reader needs no general JSON parser, and two machines cannot understand the same bytes differently. Pure:
// the license book reads them in apply. Strings: `"` and `\` are escaped with `\`, nothing else is.

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace tercet::seal {

/// Whole numbers are below this: any JSON reader holds them exactly (RFC 8259 §6).
inline constexpr uint64_t kCanonicalNumberMax = (uint64_t{1} << 53) - 1;

/// Reads a canonical text from the left; after the first thing that does not fit, everything fails.
class CanonicalReader {
 public:
  explicit CanonicalReader(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool next_is(std::string_view literal) const { return good_ && rest_.starts_with(literal); }
  void literal(std::string_view literal) {
    if (!next_is(literal)) {
      good_ = false;
      return;
    }
    rest_.remove_prefix(literal.size());
  }
  /// `before`: what stands in front of it, as in `,"firm":`.
  uint64_t number(std::string_view before, uint64_t max) {
    literal(before);
    uint64_t value = 0;
    const char* end = rest_.data() + rest_.size();
    const auto [stop, error] = std::from_chars(rest_.data(), end, value);
    const auto digits = static_cast<size_t>(stop - rest_.data());
    if (!good_ || error != std::errc{} || value > max || (digits > 1 && rest_.front() == '0')) {
      good_ = false;
      return 0;
    }
    rest_.remove_prefix(digits);
    return value;
  }
  std::optional<uint64_t> optional_number(std::string_view before) {
    return next_is(before) ? std::optional<uint64_t>(number(before, kCanonicalNumberMax)) : std::nullopt;
  }
  /// At most `max` bytes.
  std::string string(std::string_view before, size_t max) {
    literal(before);
    literal("\"");
    std::string value;
    while (good_) {
      if (rest_.empty() || value.size() > max) {
        good_ = false;
        break;
      }
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') {
        break;
      }
      if (c == '\\') {
        if (!next_is("\"") && !next_is("\\")) {
          good_ = false;
          break;
        }
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      value += c;
    }
    return good_ ? value : std::string();
  }
  void fail() { good_ = false; }
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] bool finished() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

inline void put_number(std::string& out, const char* name, uint64_t value) {
  out += ",\"";
  out += name;
  out += "\":";
  out += std::to_string(value);
}
/// `value` with its quotes.
inline void put_quoted(std::string& out, std::string_view value) {
  out += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  out += '"';
}
inline void put_string(std::string& out, const char* name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  put_quoted(out, value);
}

}  // namespace tercet::seal
