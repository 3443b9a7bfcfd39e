#pragma once
// Whether this build runs under a sanitizer, several times slower. A test whose length is what makes it find
// wrong results does a part of it there: memory errors show in any part, and the release build does all of
// it: its folder says TESTS_TWICE (CMakeLists.txt).

namespace tercet {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace tercet
