#pragma once
// Texts that people and JSON documents are shown: well-formed UTF-8 (RFC 3629 §4: no overlong forms, no
// surrogates, nothing above U+10FFFF) without control characters (C0, DEL, C1).

#include <cstddef>
#include <string>
#include <string_view>

namespace tercet {

/// The size in bytes, 1..4, of the character that `text` begins with; 0 if it begins with none, or with a
/// control character.
size_t clean_char(std::string_view text);
/// Also true of an empty text.
bool is_clean_text(std::string_view text);
/// `text` with '?' for each byte that is not part of such a character.
std::string cleaned(std::string_view text);

}  // namespace tercet
