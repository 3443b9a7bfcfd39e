#pragma once
// The simulated network: loses, doubles, delays (and so reorders) datagrams; cuts paths. Hosts are numbered:
// the five servers by ServerId, clients behind them.

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "tests/sim/random.h"
#include "wire/ids.h"

namespace tercet::sim {

using Host = uint8_t;
inline constexpr size_t kHostsMax = 16;
inline constexpr Host kFirstClient = kServers;
constexpr Host host_of(ServerId id) { return static_cast<Host>(id); }

struct Weather {
  double loss = 0;
  double doubled = 0;
  double slow = 0;  ///< share of datagrams that take up to slow_max
  Duration base_min = microseconds(30);
  Duration base_max = microseconds(90);
  Duration slow_max = milliseconds(40);
};

/// What clients send may come seconds late, alone or once more: after what it asked for has ended, or after
/// what they sent behind it.
struct Stragglers {
  double share = 0;
  Duration late_max = seconds(7);
};

class Network {
 public:
  /// deliver(at, from, to, bytes): put into the world's queue.
  using Deliver = std::function<void(MonoTime at, Host from, Host to, std::vector<uint8_t> bytes)>;
  Network(Random& random, Deliver deliver) : random_(random), deliver_(std::move(deliver)) {}

  void send(MonoTime now, Host from, Host to, const uint8_t* data, size_t size) {
    ++sent_;
    if (cut_[from][to] != 0 || random_.chance(weather_.loss)) {
      return;
    }
    const int copies = random_.chance(weather_.doubled) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      Duration delay = random_.between(weather_.base_min, weather_.base_max);
      if (random_.chance(weather_.slow)) {
        delay = delay + random_.between({}, weather_.slow_max);
      }
      deliver_(now + delay, from, to, std::vector<uint8_t>(data, data + size));
    }
  }
  /// The same, of a client.
  void send_query(MonoTime now, Host from, Host to, const uint8_t* data, size_t size) {
    if (stragglers_.share > 0 && random_.chance(stragglers_.share)) {
      const Duration late = random_.between(milliseconds(1), stragglers_.late_max);
      deliver_(now + late, from, to, std::vector<uint8_t>(data, data + size));
      if (random_.chance(0.5)) {
        return;
      }
    }
    send(now, from, to, data, size);
  }
  void weather(const Weather& weather) { weather_ = weather; }
  void stragglers(const Stragglers& stragglers) { stragglers_ = stragglers; }
  /// One direction of a path. Counts: two cuts need two heals.
  void cut(Host from, Host to) { ++cut_[from][to]; }
  void heal(Host from, Host to) {
    if (cut_[from][to] > 0) {
      --cut_[from][to];
    }
  }
  void heal_all() {
    weather_ = {};
    cut_ = {};
  }
  [[nodiscard]] uint64_t sent() const { return sent_; }

 private:
  Random& random_;
  Deliver deliver_;
  Weather weather_;
  Stragglers stragglers_;
  std::array<std::array<uint8_t, kHostsMax>, kHostsMax> cut_{};
  uint64_t sent_ = 0;
};

}  // namespace tercet::sim
