#include "bench/floor/plain_echo.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

namespace tercet::bench {

uint64_t plain_echo(int fd, const std::atomic<bool>& stop) {
  std::array<uint8_t, 2'048> buffer{};
  uint64_t echoed = 0;
  while (!stop.load(std::memory_order_relaxed)) {
    sockaddr_in6 from{};
    socklen_t length = sizeof(from);
    const ssize_t n =
        recvfrom(fd, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (n >= 0 && sendto(fd, buffer.data(), static_cast<size_t>(n), 0, reinterpret_cast<sockaddr*>(&from),
                         length) >= 0) {
      ++echoed;
    }
  }
  return echoed;
}

}  // namespace tercet::bench
