#pragma once
// TERCET_CHECK: our own bug, never something that a peer, a disk or a user can cause. On in every build type, since an
// invariant that is only watched in debug builds is not one. Prints the invariant's name and aborts.

namespace tercet {
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* what) noexcept;
}  // namespace tercet

#define TERCET_CHECK(condition, what)                                           \
  do {                                                                          \
    if (__builtin_expect(!(condition), 0)) {                                    \
      ::tercet::check_failed(__FILE__, __LINE__, #condition, what);             \
    }                                                                           \
  } while (false)
