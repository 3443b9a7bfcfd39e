#pragma once
// LinkWatch: tells when something about an interface may have changed (its carrier, up or down, its
// addresses), by rtnetlink's multicast groups (rtnetlink(7)). It says that, not what: whoever is told looks
// for himself. One thread.

#include <string>
#include <tl/expected.hpp>

struct mnl_socket;

namespace tercet::control {

class LinkWatch {
 public:
  static tl::expected<LinkWatch, std::string> open();
  LinkWatch(LinkWatch&& other) noexcept;
  LinkWatch& operator=(LinkWatch&& other) noexcept;
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;
  ~LinkWatch();

  /// Readable when changed() may say true.
  [[nodiscard]] int descriptor() const;
  /// Whether any interface or IPv4 address changed since the last call. Also after an overflow of the
  /// kernel's queue.
  bool changed();

 private:
  explicit LinkWatch(mnl_socket* socket) : socket_(socket) {}
  mnl_socket* socket_;
};

/// The interface is up and has a carrier, as the kernel knows it; false also when it is not there any more.
bool has_carrier(const std::string& interface);

}  // namespace tercet::control
