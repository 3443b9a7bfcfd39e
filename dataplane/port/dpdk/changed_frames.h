#pragma once
// Frames of which a test changes some bytes.

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "dataplane/net/frames_rig.h"

namespace tercet::dataplane {

using Frame = std::vector<uint8_t>;

inline constexpr size_t kProtocolAt = 23;
inline constexpr size_t kSourceAt = 26;
inline constexpr size_t kDestinationAt = 30;
inline constexpr size_t kPortsAt = 34;

inline void put(Frame& frame, size_t at, Bytes value) {
  std::ranges::copy(value, frame.begin() + static_cast<ptrdiff_t>(at));
}
inline void put(Frame& frame, size_t at, std::initializer_list<uint8_t> value) {
  put(frame, at, Bytes(value.begin(), value.size()));
}
/// The checksum of a header without options made right.
inline void finish_ip(Frame& frame, size_t at = 14) {
  put(frame, at + 10, {0, 0});
  const Be16 sum = ones_checksum(ones_sum(Bytes(frame).subspan(at, 20)));
  put(frame, at + 10, bytes_of(sum));
}
/// A fixture with other bytes at `at` of the frame; the IP header's checksum is made right, UDP's left out.
inline Frame changed(std::string_view hex, size_t at, std::initializer_list<uint8_t> value) {
  Frame frame = frames::bytes(hex);
  put(frame, at, value);
  finish_ip(frame);
  if (frame[23] == kProtocolUdp) {
    put(frame, 40, {0, 0});
  }
  return frame;
}

}  // namespace tercet::dataplane
