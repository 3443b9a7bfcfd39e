#include "control/admin.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

#include "control/http_server.h"

namespace tercet::control {
namespace {

AdminConfig loopback(uint16_t port = 0) {
  AdminConfig config;
  config.listen = parse_address("127.0.0.1", port).value();
  return config;
}

std::vector<AdminRoute> routes() {
  std::vector<AdminRoute> all;
  all.push_back({"/healthz", true, [] { return AdminPage{200, "text/plain", "ok\n"}; }});
  all.push_back({"/v1/status", false, [] { return AdminPage{200, "application/json", "{}\n"}; }});
  all.push_back({"/v1/leases", false, [] { return error_page(503, "ask the \"active\" one"); }});
  return all;
}

/// A token file with `mode`, removed with its owner.
class TokenFile {
 public:
  explicit TokenFile(const std::string& text, mode_t mode = 0600) {
    char name[] = "/tmp/tercet-token.XXXXXX";
    close(mkstemp(name));
    path = name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
  }
  ~TokenFile() { unlink(path.c_str()); }
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;
  std::string path;
};

TEST(Admin, ServesItsRoutesAndNothingElse) {
  auto admin = Admin::start(loopback(), routes());
  ASSERT_TRUE(admin) << admin.error();
  httplib::Client client("127.0.0.1", (*admin)->port());
  const auto health = client.Get("/healthz");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 200);
  EXPECT_EQ(health->body, "ok\n");
  const auto status = client.Get("/v1/status");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->get_header_value("Content-Type"), "application/json");
  const auto leases = client.Get("/v1/leases");
  ASSERT_TRUE(leases);
  EXPECT_EQ(leases->status, 503);
  EXPECT_EQ(leases->body, "{\"error\":\"ask the \\\"active\\\" one\"}\n");
  EXPECT_EQ(client.Get("/etc/passwd")->status, 404);
}

TEST(Admin, OnlyGetAndHeadAreServed) {
  auto admin = Admin::start(loopback(), routes());
  ASSERT_TRUE(admin) << admin.error();
  httplib::Client client("127.0.0.1", (*admin)->port());
  for (const auto& answer :
       {client.Post("/v1/status", "x", "text/plain"), client.Put("/healthz", "x", "text/plain"),
        client.Delete("/v1/status"), client.Post("/v1/status", std::string(1 << 20, 'x'), "text/plain")}) {
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 405);
    EXPECT_EQ(answer->get_header_value("Allow"), "GET, HEAD");
  }
  const auto head = client.Head("/healthz");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(head->body, "");
}

/// A connection to 127.0.0.1 that has sent `text`.
int connected(uint16_t port, const std::string& text) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  EXPECT_EQ(send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  return fd;
}

double seconds_of_health_check(uint16_t port) {
  const auto before = std::chrono::steady_clock::now();
  httplib::Client client("127.0.0.1", port);
  const auto health = client.Get("/healthz");
  EXPECT_TRUE(health && health->status == 200);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
}

TEST(Admin, ClientsThatConnectAndSayNothingHoldNothingUp) {
  auto admin = Admin::start(loopback(), routes());
  ASSERT_TRUE(admin) << admin.error();
  std::vector<int> silent(200);
  for (int& fd : silent) {
    fd = connected((*admin)->port(), "");
  }
  EXPECT_LT(seconds_of_health_check((*admin)->port()), 0.5);
  std::ranges::for_each(silent, close);
}

TEST(Admin, ARequestTakesNoLongerThanItsTimeHoweverItsClientDawdles) {
  auto admin = Admin::start(loopback(), routes());
  ASSERT_TRUE(admin) << admin.error();
  std::atomic<bool> enough = false;
  std::vector<int> slow(2 * HttpServer::kThreads);
  for (int& fd : slow) {
    fd = connected((*admin)->port(), "GET /healthz HTTP/1.1\r\nX-Slow: ");
  }
  std::thread dawdler([&] {  // a byte from each of them, ten times a second
    while (!enough) {
      for (const int fd : slow) {
        send(fd, "a", 1, MSG_NOSIGNAL);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  EXPECT_LT(seconds_of_health_check((*admin)->port()), 2.0 * HttpServer::kRequestMs / 1000 + 1);
  enough = true;
  dawdler.join();
  std::ranges::for_each(slow, close);
}

TEST(Admin, APageLargerThanASocketsBufferArrivesWhole) {
  std::vector<AdminRoute> all;
  all.push_back({"/large", true, [] { return AdminPage{200, "text/plain", std::string(20 << 20, 'x')}; }});
  auto admin = Admin::start(loopback(), std::move(all));
  ASSERT_TRUE(admin) << admin.error();
  httplib::Client client("127.0.0.1", (*admin)->port());
  const auto large = client.Get("/large");
  ASSERT_TRUE(large);
  EXPECT_EQ(large->body.size(), size_t{20} << 20);
}

TEST(Admin, WithATokenOnlyHealthChecksAreOpen) {
  const TokenFile token("0123456789abcdef0123\n");
  AdminConfig config = loopback();
  config.token_file = token.path;
  auto admin = Admin::start(config, routes());
  ASSERT_TRUE(admin) << admin.error();
  httplib::Client client("127.0.0.1", (*admin)->port());
  EXPECT_EQ(client.Get("/healthz")->status, 200);
  const auto refused = client.Get("/v1/status");
  EXPECT_EQ(refused->status, 401);
  EXPECT_EQ(refused->get_header_value("WWW-Authenticate"), "Bearer");
  for (const char* wrong : {"Bearer 0123456789abcdef0124", "Bearer ", "0123456789abcdef0123",
                            "Bearer 0123456789abcdef0123x", "Basic 0123456789abcdef0123"}) {
    EXPECT_EQ(client.Get("/v1/status", {{"Authorization", wrong}})->status, 401) << wrong;
  }
  EXPECT_EQ(client.Get("/v1/status", {{"Authorization", "Bearer 0123456789abcdef0123"}})->status, 200);
}

TEST(Admin, TokensThatProtectNothingAreRefused) {
  AdminConfig config = loopback();
  const TokenFile open_to_all("0123456789abcdef0123", 0644);
  config.token_file = open_to_all.path;
  EXPECT_NE(Admin::start(config, routes()).error().find(open_to_all.path), std::string::npos);
  const TokenFile brief("secret");
  config.token_file = brief.path;
  EXPECT_NE(Admin::start(config, routes()).error().find("fewer than 16"), std::string::npos);
  const TokenFile two_words("0123456789abcdef 0123456789abcdef");
  config.token_file = two_words.path;
  EXPECT_NE(Admin::start(config, routes()).error().find("more than one word"), std::string::npos);
  config.token_file = "/nonexistent/token";
  EXPECT_FALSE(Admin::start(config, routes()));
}

TEST(Admin, APortInUseSaysSo) {
  auto first = Admin::start(loopback(), routes());
  ASSERT_TRUE(first);
  const auto second = Admin::start(loopback((*first)->port()), routes());
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find("port in use"), std::string::npos) << second.error();
  EXPECT_NE(second.error().find("admin.listen 127.0.0.1:" + std::to_string((*first)->port())),
            std::string::npos);
}

TEST(Admin, AnAddressOfAnotherMachineSaysSo) {
  AdminConfig config;
  config.listen = parse_address("192.0.2.1", 8220).value();
  const auto admin = Admin::start(config, routes());
  ASSERT_FALSE(admin);
  EXPECT_NE(admin.error().find("is the address on this machine?"), std::string::npos) << admin.error();
}

}  // namespace
}  // namespace tercet::control
