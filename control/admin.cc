#include "control/admin.h"

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "control/http_server.h"
#include "control/threads.h"
#include "wire/endpoint.h"
#include "wire/seal/private_file.h"

namespace tercet::control {
namespace {

constexpr size_t kTokenMin = 16;
constexpr size_t kTokenMax = 1024;

/// The file's only line.
tl::expected<std::string, std::string> read_token(const std::string& path) {
  auto text = seal::read_private_file(path, kTokenMax);
  if (!text) {
    return text;
  }
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r' || text->back() == ' ')) {
    text->pop_back();
  }
  for (const char c : *text) {
    if (c <= 0x20 || c >= 0x7F) {
      return tl::unexpected(path +
                            ": holds more than one word of printable characters: write the token alone");
    }
  }
  if (text->size() < kTokenMin) {
    return tl::unexpected(path + ": its token has fewer than " + std::to_string(kTokenMin) +
                          " characters: make one with openssl rand -hex 32");
  }
  return text;
}

/// Takes as long for a wrong guess as for the right one.
bool same(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) {
    return false;
  }
  unsigned char different = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    different = static_cast<unsigned char>(
        different | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  }
  return different == 0;
}

void say(const AdminPage& page, httplib::Response& response) {
  response.status = page.status;
  response.set_content(page.body, page.type);
}

/// In chunks, so that a reader can tell the end from a cut.
void serve(std::unique_ptr<AdminStream> stream, httplib::Response& response) {
  const char* type = stream->type();
  response.set_chunked_content_provider(
      type, [shared = std::shared_ptr<AdminStream>(std::move(stream)), piece = std::string()](
                size_t, httplib::DataSink& sink) mutable {
        if (!sink.is_writable()) {
          return false;  // its reader is gone
        }
        piece.clear();
        const bool more = shared->more(piece);
        if (!piece.empty() && !sink.write(piece.data(), piece.size())) {
          return false;
        }
        if (!more) {
          sink.done();
        }
        return true;
      });
}

}  // namespace

struct Admin::Impl {
  HttpServer server;
  std::string token;
  std::thread thread;
  uint16_t port = 0;

  [[nodiscard]] bool allowed(const httplib::Request& request) const {
    return token.empty() || same(request.get_header_value("Authorization"), "Bearer " + token);
  }
};

Admin::Admin() : impl_(std::make_unique<Impl>()) {}

Admin::~Admin() {
  if (impl_->thread.joinable()) {
    impl_->server.stop();
    impl_->thread.join();
  }
}

uint16_t Admin::port() const { return impl_->port; }

tl::expected<std::unique_ptr<Admin>, std::string> Admin::start(const AdminConfig& config,
                                                               std::vector<AdminRoute> routes) {
  std::unique_ptr<Admin> self(new Admin);
  Impl& impl = *self->impl_;
  if (!config.token_file.empty()) {
    auto token = read_token(config.token_file);
    if (!token) {
      return tl::unexpected(token.error());
    }
    impl.token = std::move(*token);
  }
  HttpServer& server = impl.server;
  for (const AdminRoute& route : routes) {
    if (route.stream) {
      server.let_last(route.path);
    }
    server.Get(route.path, [&impl, route](const httplib::Request& request, httplib::Response& response) {
      if (!route.open && !impl.allowed(request)) {
        response.set_header("WWW-Authenticate", "Bearer");
        say(error_page(401, "this needs Authorization: Bearer and the token"), response);
      } else if (route.page) {
        say(route.page(), response);
      } else if (request.method != "GET") {
        say(error_page(405, "only GET is served here"), response);
      } else if (route.ask) {
        say(route.ask(request.params), response);
      } else if (auto stream = route.stream(request.params); !stream) {
        say(stream.error(), response);
      } else {
        serve(std::move(*stream), response);
      }
    });
  }
  const std::string host = address_text(config.listen);
  const std::string name = "admin.listen " + to_string(config.listen);
  const int bound = server.bind(host.c_str(), config.listen.port);
  if (bound < 0) {
    return tl::unexpected(
        name + ": " +
        (errno == EADDRINUSE
             ? "port in use: stop the process that holds it (ss -tlnp) or configure another one"
             : std::string("cannot listen (") + std::strerror(errno) + "): is the address on this machine?"));
  }
  impl.port = static_cast<uint16_t>(bound);
  impl.thread = std::thread([&server] {
    name_this_thread("admin");
    server.listen_after_bind();
  });
  while (!server.is_running()) {  // else a stop() right now would be lost
    std::this_thread::yield();
  }
  return self;
}

AdminPage error_page(int status, const std::string& what) {
  return {status, "application/json", nlohmann::json{{"error", what}}.dump() + "\n"};
}

}  // namespace tercet::control
