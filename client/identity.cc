#include "client/identity.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/file.h"

namespace tercet::client {

void identify(Wanted& wanted) {
  if (wanted.user.empty()) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
      wanted.user = entry.pw_name;
    } else {
      wanted.user = std::to_string(::getuid());
    }
  }
  if (wanted.host.empty()) {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) {
      wanted.host = name.data();
    }
  }
  if (wanted.process.empty()) {
    wanted.process = read_file("/proc/self/comm", 64).value_or("");
  }
  fit_texts(wanted);
}

}  // namespace tercet::client
