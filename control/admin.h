#pragma once
// Admin: a server's HTTP interface, on threads of its own, off the polling path. What it shows it takes from
// handlers, which the program registers; they are called by its threads.
//
// On a loopback address anyone may read. With a token file every request but a health check needs
// "Authorization: Bearer <token>"; on any other address the configuration insists on one.

#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/server_config.h"

namespace tercet::control {

struct AdminPage {
  int status = 200;
  std::string type = "application/json";
  std::string body;
};

struct AdminRoute {
  std::string path;
  bool open = false;  ///< a health check: needs no token
  std::function<AdminPage()> page;
};

class Admin {
 public:
  /// Listens and serves. The error is one line with what to do.
  static tl::expected<std::unique_ptr<Admin>, std::string> start(const AdminConfig& config,
                                                                 std::vector<AdminRoute> routes);
  ~Admin();
  /// The port it listens on (the kernel's choice when 0 was configured).
  [[nodiscard]] uint16_t port() const;

 private:
  Admin();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// {"error": …} with that status.
AdminPage error_page(int status, const std::string& what);

}  // namespace tercet::control
