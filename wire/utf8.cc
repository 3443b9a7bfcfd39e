#include "wire/utf8.h"

#include <cstdint>

namespace tercet {

size_t clean_char(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) {
    return lead < 0x20 || lead == 0x7F ? 0 : 1;
  }
  const size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4 || text.size() <= more) {
    return 0;
  }
  uint32_t code = lead & (0x3FU >> more);
  for (size_t k = 1; k <= more; ++k) {
    const auto byte = static_cast<uint8_t>(text[k]);
    if ((byte & 0xC0U) != 0x80U) {
      return 0;
    }
    code = code << 6U | (byte & 0x3FU);
  }
  const bool overlong = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  const bool control = code < 0xA0;
  return overlong || surrogate || control || code > 0x10FFFF ? 0 : more + 1;
}

bool is_clean_text(std::string_view text) {
  while (!text.empty()) {
    const size_t size = clean_char(text);
    if (size == 0) {
      return false;
    }
    text.remove_prefix(size);
  }
  return true;
}

std::string cleaned(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t size = clean_char(text);
    out += size == 0 ? std::string_view("?") : text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

}  // namespace tercet
