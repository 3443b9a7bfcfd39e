// no_uring COMMAND…: runs it where io_uring is forbidden, as many containers' seccomp profiles have it:
// io_uring_setup, _enter and _register end with EPERM, for it and for all that it starts. For network tests;
// not shipped.

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>

namespace {

constexpr int kNotStarted = 126;

// The three numbers are the same on every architecture, so the filter need not ask which one it is (nobody
// has to be kept from getting around it: seccomp(2) warns of that).
static_assert(SYS_io_uring_setup == 425 && SYS_io_uring_enter == 426 && SYS_io_uring_register == 427);

int forbid() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_io_uring_setup, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_io_uring_register, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  // Without it a process that is not root may install no filter; what a root has, it keeps.
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
                                                     : -1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: no_uring COMMAND…\n", stderr);
    return 2;
  }
  if (forbid() != 0) {
    std::fprintf(stderr, "no_uring: no seccomp filter here: %s\n", std::strerror(errno));
    return kNotStarted;
  }
  execvp(argv[1], argv + 1);
  std::fprintf(stderr, "no_uring: %s: %s\n", argv[1], std::strerror(errno));
  return kNotStarted;
}
