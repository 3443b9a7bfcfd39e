// In every test program; there for the headers, too, that its target compiles beforehand (tercet.cmake).

#ifdef __SANITIZE_ADDRESS__
/// What the environment's ASAN_OPTIONS may change. Undefined behaviour traps: handle_sigill says where.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "handle_sigill=1:detect_stack_use_after_return=1:strict_string_checks=1";
}
#endif
