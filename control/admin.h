#pragma once
// Admin: a server's HTTP interface, on threads of its own, off the polling path. What it shows it takes from
// handlers, which the program registers; they are called by its threads.
//
// On a loopback address anyone may read. With a token file every request but a health check needs
// "Authorization: Bearer <token>"; on any other address the configuration insists on one.

#include <functional>
#include <map>
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

/// An answer that is made while it is read, by the thread that serves it. It ends when more() says so, when
/// its reader is gone or does not keep pace (HttpServer::kPaceMs), or when the interface stops.
class AdminStream {
 public:
  AdminStream() = default;
  AdminStream(const AdminStream&) = delete;
  AdminStream& operator=(const AdminStream&) = delete;
  virtual ~AdminStream() = default;
  [[nodiscard]] virtual const char* type() const = 0;
  /// Appends what there is. May wait for it, but no longer than 100 ms. False: that was all.
  virtual bool more(std::string& out) = 0;
};

/// What stands behind the question mark.
using AdminQuery = std::multimap<std::string, std::string>;

/// A page, with or without a question, or a stream.
struct AdminRoute {
  std::string path;
  bool open = false;  ///< a health check: needs no token
  std::function<AdminPage()> page = {};
  std::function<AdminPage(const AdminQuery&)> ask = {};  ///< a page that depends on what is asked; GET only
  std::function<tl::expected<std::unique_ptr<AdminStream>, AdminPage>(const AdminQuery&)> stream = {};
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
