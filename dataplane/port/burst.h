#pragma once
// Bursts: what a Port hands up and takes down at once. Buffers belong to the port.

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/fixed.h"
#include "wire/endpoint.h"

namespace tercet::dataplane {

/// Largest UDP payload that Tercet sends: fits an IPv6 packet at MTU 1,500 (1,500 - 40 - 8 = 1,452).
inline constexpr size_t kDatagramMax = 1452;
/// Most datagrams in one burst, received (after GRO was split) or sent.
inline constexpr size_t kBurstMax = 256;

struct RxDatagram {
  MutBytes
      bytes;  ///< writable, so that it can be opened (decrypted) in place; valid until the next receive()
  Lane lane = 0;
  Endpoint from;  ///< the sender; on a connected lane it is that lane's peer
};

struct RxBurst {
  FixedVector<RxDatagram, kBurstMax> datagrams;
};

struct TxDatagram {
  uint8_t* data = nullptr;  ///< room for kDatagramMax bytes, the port's
  uint16_t size = 0;
  Lane lane = 0;
  Endpoint to;  ///< not looked at on a connected lane
};

/// A burst to be sent, written in place: next() gives a buffer, push() keeps it.
/// Neighbours of one lane and one receiver with equal sizes (the last may be shorter) may leave as one GSO
/// send.
class TxBurst {
 public:
  /// A free buffer of kDatagramMax bytes, or empty when the burst is full (send it, then go on).
  MutBytes next() {
    if (datagrams_.size() >= free_.size()) {
      return {};
    }
    return {free_[datagrams_.size()], kDatagramMax};
  }
  /// Keeps the buffer of the last next() with `size` bytes in it.
  void push(size_t size, Lane lane, const Endpoint& to) {
    uint8_t* data = free_[datagrams_.size()];
    TxDatagram& datagram = datagrams_.add();
    datagram.data = data;
    datagram.size = static_cast<uint16_t>(size);
    datagram.lane = lane;
    datagram.to = to;
  }
  [[nodiscard]] bool empty() const { return datagrams_.empty(); }
  [[nodiscard]] bool full() const { return datagrams_.size() >= free_.size(); }
  [[nodiscard]] const FixedVector<TxDatagram, kBurstMax>& datagrams() const { return datagrams_; }

  // For engines: hand in the buffers that are free now; forget what was sent.
  void reset() {
    datagrams_.clear();
    free_.clear();
  }
  [[nodiscard]] bool add_buffer(uint8_t* buffer) { return free_.try_push(buffer); }
  /// The same buffers are free again …
  void forget_sent() { datagrams_.clear(); }
  /// … but the one at `index` (at most one past the last: then it is added), which has a successor.
  void replace(size_t index, uint8_t* buffer) {
    if (index == free_.size()) {
      free_.push_back(buffer);
    } else {
      free_[index] = buffer;
    }
  }

 private:
  FixedVector<TxDatagram, kBurstMax> datagrams_;
  FixedVector<uint8_t*, kBurstMax> free_;
};

}  // namespace tercet::dataplane
