#pragma once
// prefetch: starts loading a cache line that is wanted soon.

namespace tercet {

/// `line` may be any address. The empty asm is an effect: GCC takes a function that does nothing but prefetch
/// for one without any, and leaves its calls away (seen with 12.2).
[[gnu::always_inline]] inline void prefetch(const void* line) {
  __builtin_prefetch(line);
  asm volatile("");
}
/// The same for one that will be written.
[[gnu::always_inline]] inline void prefetch_to_write(const void* line) {
  __builtin_prefetch(line, 1);
  asm volatile("");
}

}  // namespace tercet
