#include "control/captures.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "control/http_server.h"
#include "dataplane/net/pcap.h"

namespace tercet::control {
namespace {

using dataplane::PcapDatagram;
using dataplane::PcapStep;
using dataplane::Wiretap;

constexpr auto kSoon = std::chrono::seconds(5);

Endpoint at(const char* text) { return parse_endpoint(text).value(); }

/// A server with two polling threads' taps, which a test feeds itself.
struct Rig {
  explicit Rig(size_t waiting_max = 64) {
    for (int i = 0; i < 2; ++i) {
      taps.push_back(
          std::make_unique<Wiretap>(std::vector<dataplane::LaneOptions>{{at("198.18.0.100:8200"), {}}},
                                    waiting_max, [] { return now; }));
    }
    captures = std::make_unique<Captures>(std::vector<Wiretap*>{taps[0].get(), taps[1].get()});
    std::vector<AdminRoute> routes;
    add_capture_routes(routes, *captures);
    AdminConfig config;
    config.listen = parse_address("127.0.0.1", 0).value();
    admin = Admin::start(config, std::move(routes)).value();
  }
  void arrives(size_t thread, std::string text, int64_t wall_ns) {
    now = wall_ns;
    std::vector<uint8_t> bytes(text.begin(), text.end());
    dataplane::RxBurst burst;
    burst.datagrams.push_back({bytes, 0, at("198.18.0.21:5000")});
    taps[thread]->received(burst);
  }
  [[nodiscard]] bool on() const { return taps[0]->on() && taps[1]->on(); }
  [[nodiscard]] bool off() const { return !taps[0]->on() && !taps[1]->on(); }
  nlohmann::json counts() {
    httplib::Client client("127.0.0.1", admin->port());
    return nlohmann::json::parse(client.Get("/v1/capture/counts")->body);
  }

  static inline int64_t now = 0;
  std::vector<std::unique_ptr<Wiretap>> taps;
  std::unique_ptr<Captures> captures;
  std::unique_ptr<Admin> admin;
};

/// Reads a capture until `datagrams` have come (0: until its end).
struct Reader {
  Reader(uint16_t port, const std::string& query, size_t datagrams)
      : thread([this, port, query, datagrams] {
          httplib::Client client("127.0.0.1", port);
          const auto result = client.Get("/v1/capture" + query, [&](const char* data, size_t size) {
            bytes.insert(bytes.end(), data, data + size);
            return datagrams == 0 || parse().size() < datagrams;
          });
          whole = static_cast<bool>(result);
          status = result ? result->status : 0;
          done = true;
        }) {}
  ~Reader() {
    if (thread.joinable()) {
      thread.join();
    }
  }
  std::vector<std::string> parse() {
    std::vector<std::string> texts;
    if (bytes.size() < sizeof(dataplane::PcapFileHeader)) {
      return texts;
    }
    Bytes rest = Bytes(bytes).subspan(sizeof(dataplane::PcapFileHeader));
    PcapDatagram datagram;
    for (size_t size = 0; parse_pcap_datagram(rest, datagram, size) == PcapStep::datagram;
         rest = rest.subspan(size)) {
      texts.emplace_back(as_text(datagram.payload));
    }
    return texts;
  }
  std::vector<uint8_t> bytes;
  bool whole = false;
  int status = 0;
  std::atomic<bool> done{false};
  std::thread thread;  ///< last: it uses the others
};

template <class Condition>
bool soon(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + kSoon;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

TEST(Captures, StreamsWhatAllThreadsSeeUntilTheReaderGoes) {
  Rig rig;
  Reader reader(rig.admin->port(), "", 3);
  ASSERT_TRUE(soon([&] { return rig.on(); }));
  rig.arrives(0, "one", 1'000);
  rig.arrives(1, "two", 2'000);
  rig.arrives(0, "three", 3'000);
  ASSERT_TRUE(soon([&] { return reader.done.load(); }));
  auto texts = reader.parse();
  std::ranges::sort(texts);
  EXPECT_EQ(texts, (std::vector<std::string>{"one", "three", "two"}));
  EXPECT_TRUE(soon([&] { return rig.off(); })) << "nobody reads, nobody copies";
  EXPECT_TRUE(soon([&] { return rig.counts()["running"] == false; }));
  EXPECT_EQ(rig.counts()["datagrams"], 3);
  EXPECT_EQ(rig.counts()["lost"], 0);
}

TEST(Captures, MergesThreadsByTime) {
  Rig rig;
  auto stream = rig.captures->begin({});
  ASSERT_TRUE(stream);
  rig.arrives(0, "b", 2'000'000'005);
  rig.arrives(0, "d", 4'000'000'000);
  rig.arrives(1, "a", 1'000'000'000);
  rig.arrives(1, "c", 3'000'000'000);
  std::string out;
  ASSERT_TRUE((*stream)->more(out));
  EXPECT_EQ(out.size(), sizeof(dataplane::PcapFileHeader)) << "at once, before any datagram";
  out.clear();
  ASSERT_TRUE((*stream)->more(out));
  Bytes rest = as_bytes(out);
  std::string order;
  PcapDatagram datagram;
  for (size_t size = 0; parse_pcap_datagram(rest, datagram, size) == PcapStep::datagram;
       rest = rest.subspan(size)) {
    order += as_text(datagram.payload);
    EXPECT_EQ(to_string(datagram.from), "198.18.0.21:5000");
    EXPECT_EQ(to_string(datagram.to), "198.18.0.100:8200");
  }
  EXPECT_EQ(order, "abcd");
  EXPECT_TRUE(rest.empty());
}

TEST(Captures, ASecondOneIsRefusedUntilTheFirstIsOver) {
  Rig rig;
  {
    auto first = rig.captures->begin({});
    ASSERT_TRUE(first);
    Reader second(rig.admin->port(), "", 0);
    ASSERT_TRUE(soon([&] { return second.done.load(); }));
    EXPECT_EQ(second.status, 409);
    EXPECT_TRUE(rig.on()) << "the first goes on";
  }
  EXPECT_TRUE(rig.off());
  EXPECT_TRUE(rig.captures->begin({}));
}

TEST(Captures, EndByThemselvesAfterTheSecondsAskedFor) {
  Rig rig;
  Reader reader(rig.admin->port(), "?seconds=1", 0);
  ASSERT_TRUE(soon([&] { return rig.on(); }));
  rig.arrives(0, "one", 1);
  ASSERT_TRUE(soon([&] { return reader.done.load(); }));
  EXPECT_TRUE(reader.whole) << "the last chunk came";
  EXPECT_EQ(reader.parse(), std::vector<std::string>{"one"});
  EXPECT_TRUE(soon([&] { return rig.off(); }));
}

TEST(Captures, LimitsThatAreNoneAreRefused) {
  Rig rig;
  for (const char* seconds : {"0", "-1", "", "1.5", "604801", "99999999999999999999", "x", "1x"}) {
    const auto begun = rig.captures->begin({{"seconds", seconds}});
    ASSERT_FALSE(begun) << seconds;
    EXPECT_EQ(begun.error().status, 400);
    EXPECT_TRUE(rig.off());
  }
}

TEST(Captures, TellWhatDidNotFit) {
  Rig rig(2);
  auto stream = rig.captures->begin({});
  ASSERT_TRUE(stream);
  for (int i = 0; i < 5; ++i) {
    rig.arrives(0, "x", i);
  }
  EXPECT_EQ(rig.counts()["datagrams"], 2);
  EXPECT_EQ(rig.counts()["lost"], 3);
  EXPECT_EQ(rig.counts()["running"], true);
  stream->reset();
  ASSERT_TRUE(rig.captures->begin({}));
  EXPECT_EQ(rig.counts()["lost"], 0) << "of the last one only";
}

TEST(Captures, EndWhenTheServerStops) {
  Rig rig;
  Reader reader(rig.admin->port(), "", 0);
  ASSERT_TRUE(soon([&] { return rig.on(); }));
  rig.admin.reset();
  ASSERT_TRUE(soon([&] { return reader.done.load(); }));
  EXPECT_FALSE(reader.whole) << "cut, and the reader can tell";
  EXPECT_TRUE(rig.off());
}

/// A connection that asks for a capture and reads what it is told to read.
class Hand {
 public:
  explicit Hand(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int small = 4'096;  // a window of a few datagrams, which opens for each of them
    EXPECT_EQ(::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    const int segment = 500;
    EXPECT_EQ(::setsockopt(fd_, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment), 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    const std::string request = "GET /v1/capture HTTP/1.1\r\n\r\n";
    EXPECT_EQ(::send(fd_, request.data(), request.size(), MSG_NOSIGNAL), ssize_t(request.size()));
  }
  ~Hand() { ::close(fd_); }
  Hand(const Hand&) = delete;
  Hand& operator=(const Hand&) = delete;
  size_t total = 0;  ///< bytes read
  /// What there is, up to `size`. False: the server has ended it.
  bool read(size_t size) {
    std::vector<char> into(size);
    const ssize_t got = ::recv(fd_, into.data(), size, MSG_DONTWAIT);
    total += got > 0 ? static_cast<size_t>(got) : 0;
    return got > 0 || (got < 0 && errno == EAGAIN);
  }

 private:
  int fd_;
};

/// Traffic of `each` datagrams of 1,400 bytes a millisecond, and every 100 ms `reads`, until the capture is
/// off or the time is over.
template <class Reads>
void flows(Rig& rig, int each, std::chrono::milliseconds time, Reads reads) {
  const auto begun = std::chrono::steady_clock::now();
  const std::string text(1'400, 'x');
  for (auto read_at = begun; rig.on() && std::chrono::steady_clock::now() < begun + time;) {
    for (int i = 0; i < each; ++i) {
      rig.arrives(0, text, 1);
    }
    if (std::chrono::steady_clock::now() >= read_at) {
      read_at += std::chrono::milliseconds(100);
      reads();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}
constexpr auto kLong = std::chrono::milliseconds(2 * HttpServer::kPaceMs + 1'500);

TEST(Captures, AReaderThatStopsReadingLosesItToTheNextOne) {
  Rig rig(4'096);
  Hand stopped(rig.admin->port());
  ASSERT_TRUE(soon([&] { return rig.on(); }));
  flows(rig, 20, kLong, [] {});
  EXPECT_TRUE(rig.off());
  Reader next(rig.admin->port(), "?seconds=1", 0);
  ASSERT_TRUE(soon([&] { return next.done.load(); }));
  EXPECT_EQ(next.status, 200);
}

TEST(Captures, SoDoesOneInAQuietCellWhereItTakesLongToFillBuffers) {
  Rig rig(4'096);
  Hand stopped(rig.admin->port());
  ASSERT_TRUE(soon([&] { return rig.on(); }));
  flows(rig, 0, kLong, [&] { rig.arrives(0, std::string(1'400, 'x'), 1); });  // 14 kB a second
  EXPECT_TRUE(rig.off());
}

TEST(Captures, SoDoesOneThatReadsAByteNowAndThen) {
  Rig rig(4'096);
  Hand dawdler(rig.admin->port());
  ASSERT_TRUE(soon([&] { return rig.on(); }));
  flows(rig, 20, kLong, [&] { dawdler.read(1'000); });
  EXPECT_TRUE(rig.off());
}

TEST(Captures, ASlowReaderKeepsIt) {
  Rig rig(4'096);
  Hand slow(rig.admin->port());
  ASSERT_TRUE(soon([&] { return rig.on(); }));
  bool open = true;
  flows(rig, 20, kLong, [&] {
    for (int i = 0; i < 20; ++i) {  // its small window allows no more at once
      open = open && slow.read(4'096);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  EXPECT_TRUE(open);
  EXPECT_TRUE(rig.on());
  EXPECT_GT(rig.counts()["lost"], 0) << "slower than what comes; it read " << slow.total;
}

TEST(Captures, SoDoesOneToWhomNothingComes) {
  Rig rig;
  Hand waits(rig.admin->port());
  ASSERT_TRUE(soon([&] { return rig.on(); }));
  waits.read(65'536);
  flows(rig, 0, kLong, [] {});
  EXPECT_TRUE(rig.on());
}

TEST(Captures, HeadBeginsNone) {
  Rig rig;
  httplib::Client client("127.0.0.1", rig.admin->port());
  const auto answer = client.Head("/v1/capture");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 405);
  EXPECT_TRUE(rig.off());
}

}  // namespace
}  // namespace tercet::control
