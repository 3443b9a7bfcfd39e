#pragma once
// What every kernel engine owes its caller (dataplane/port/port.h), run over real sockets on 127.0.0.0/8 and
// ::1: the engines, and what the tests of several files need.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include "dataplane/port/mmsg/mmsg_port.h"
#include "dataplane/port/socket.h"
#include "dataplane/port/uring/uring_port.h"

namespace tercet::dataplane {

using Text = std::string;

inline Endpoint at(const char* text) { return parse_endpoint(text).value(); }

using Ports = std::vector<std::unique_ptr<Port>>;

struct Engine {
  const char* name;
  std::function<tl::expected<std::unique_ptr<Port>, Text>(const PortOptions&)> make;
  std::function<tl::expected<Ports, Text>(std::span<const PortOptions>)> make_many;
};

inline std::unique_ptr<Port> must(tl::expected<std::unique_ptr<Port>, Text> port) {
  if (!port) {
    ADD_FAILURE() << port.error();
    std::abort();
  }
  return std::move(*port);
}

/// Bytes that say which datagram they are and that nobody changed them.
inline std::vector<uint8_t> pattern(size_t size, unsigned number) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 7 + number * 13 + (i >> 8U));
  }
  return bytes;
}

inline void put(TxBurst& burst, Bytes bytes, Lane lane = 0, const Endpoint& to = {}) {
  const MutBytes room = burst.next();
  ASSERT_GE(room.size(), bytes.size());
  std::ranges::copy(bytes, room.begin());
  burst.push(bytes.size(), lane, to);
}

struct Got {
  std::vector<uint8_t> bytes;
  Lane lane;
  Endpoint from;
};

/// Polls `port` until `count` datagrams came or a second passed. Longer is a failure of the test, shown by
/// the count.
inline std::vector<Got> collect(Port& port, size_t count, Duration patience = seconds(1)) {
  std::vector<Got> got;
  RxBurst burst;
  const MonoTime give_up = raw_now() + patience;
  while (got.size() < count && raw_now() < give_up) {
    port.receive(burst);
    for (const RxDatagram& d : burst.datagrams) {
      got.push_back({{d.bytes.begin(), d.bytes.end()}, d.lane, d.from});
    }
    if (got.size() < count) {
      port.wait(raw_now() + milliseconds(20));
    }
  }
  return got;
}

/// Hands over queued sends and takes in errors; nothing is expected to arrive.
inline void settle(Port& port, Duration for_long = milliseconds(20)) {
  EXPECT_TRUE(collect(port, 1, for_long).empty());
}

class PortContract : public testing::TestWithParam<Engine> {
 protected:
  std::unique_ptr<Port> make(std::vector<LaneOptions> lanes,
                             const std::function<void(PortOptions&)>& change = {}) {
    PortOptions options;
    options.lanes = std::move(lanes);
    if (change) {
      change(options);
    }
    return must(GetParam().make(options));
  }
  std::unique_ptr<Port> server(const char* local = "127.0.0.1:0") { return make({{at(local), {}}}); }
  std::unique_ptr<Port> client_of(const Endpoint& remote) { return make({{{}, remote}}); }

  /// Two ports with a connected lane to each other, as two servers of a cell have.
  struct Pair {
    std::unique_ptr<Port> a;
    std::unique_ptr<Port> b;
  };
  Pair connected_pair(const std::function<void(PortOptions&)>& change = {}) {
    const Endpoint a = free_endpoint();
    const Endpoint b = free_endpoint();
    Pair pair;
    pair.a = make({{a, b}}, change);
    pair.b = make({{b, a}}, change);
    return pair;
  }
  Endpoint free_endpoint(const char* local = "127.0.0.1:0") {
    PortOptions options;
    options.lanes = {{at(local), {}}};
    return open_lanes(options).value()[0].local;  // closed again at once: free
  }
};

}  // namespace tercet::dataplane
