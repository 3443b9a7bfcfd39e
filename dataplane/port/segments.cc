#include "dataplane/port/segments.h"

#include <algorithm>

#include "base/check.h"

namespace tercet::dataplane {

void Runs::cut(const TxBurst& burst, std::span<const SendLane> lanes) {
  const auto& datagrams = burst.datagrams();
  // Counting sort: stable, linear. starts[l] = where lane l's datagrams begin.
  std::array<uint16_t, kLanesMax + 1> starts{};
  for (const TxDatagram& d : datagrams) {
    TERCET_CHECK(d.lane < lanes.size(), "a datagram is sent on a lane of its port");
    TERCET_CHECK(d.size <= kDatagramMax, "a datagram fits its buffer");
    ++starts[d.lane + 1U];
  }
  for (size_t l = 1; l < starts.size(); ++l) {
    starts[l] = static_cast<uint16_t>(starts[l] + starts[l - 1]);
  }
  for (size_t i = 0; i < datagrams.size(); ++i) {
    order_[starts[datagrams[i].lane]++] = static_cast<uint16_t>(i);
  }

  runs_.clear();
  for (size_t i = 0; i < datagrams.size();) {
    const TxDatagram& first = datagrams[order_[i]];
    const SendLane& lane = lanes[first.lane];
    size_t count = 1;
    size_t bytes = first.size;
    while (lane.gso && first.size > 0 && i + count < datagrams.size() && count < kRunSegmentsMax) {
      const TxDatagram& next = datagrams[order_[i + count]];
      if (next.lane != first.lane || next.size == 0 || next.size > first.size ||
          bytes + next.size > kRunBytesMax || (!lane.connected && next.to != first.to)) {
        break;
      }
      bytes += next.size;
      ++count;
      if (next.size < first.size) {
        break;  // only the last segment may be shorter
      }
    }
    if (!lane.connected && count < kUnconnectedRunMin) {
      count = 1;
    }
    runs_.push_back({static_cast<uint16_t>(i), static_cast<uint16_t>(count), first.size, first.lane});
    i += count;
  }
}

bool Received::cut_into(RxBurst& burst, PortCounters& counters) {
  while (!started || done < payload.size()) {
    const size_t left = payload.size() - done;
    const size_t size = segment == 0 ? left : std::min(segment, left);
    if (size > kDatagramMax) {
      counters.drop_truncated.add();
    } else if (!burst.datagrams.try_push({payload.subspan(done, size), lane, from})) {
      return false;
    } else {
      counters.received_datagrams.add();
    }
    started = true;
    done += size;
  }
  return true;
}

}  // namespace tercet::dataplane
