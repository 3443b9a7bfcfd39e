#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace tercet {

void check_failed(const char* file, int line, const char* condition, const char* what) noexcept {
  std::fprintf(stderr, "tercet: broken invariant: %s (%s) at %s:%d\n", what, condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace tercet
