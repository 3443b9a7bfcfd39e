#pragma once
// Parcel: a message that crosses from one polling thread to another by value, in 1 to 6 cells of 256 bytes,
// so that a query of 100 bytes moves one cell and not the 1.5 KiB that the longest message needs.
//
//    cell 0                                        cell 1 … 5
//   +------------------+------------------------+ +---------------------------------------------+
//   |  head (64 bytes) |  bytes 0 … 191         | |  bytes 192 … 447, 448 … 703, and so on      |
//   +------------------+------------------------+ +---------------------------------------------+
//
// Cells of one parcel follow each other in the Link and, popped into an array, in memory: the bytes of a
// message are in one piece again. A parcel is pushed whole or not at all.
//
// ParcelWriter is the producer's end of a Link, ParcelReader the consumer's; each belongs to one thread.
// Nothing allocates after construction.

#include <cstring>
#include <memory>
#include <type_traits>

#include "base/bytes.h"
#include "base/check.h"
#include "dataplane/port/bell.h"
#include "dataplane/port/link.h"
#include "dataplane/thread_view.h"
#include "wire/client_ref.h"
#include "wire/limits.h"

namespace tercet::dataplane {

enum class ParcelKind : uint8_t {
  // up
  from_client,  ///< `client`
  from_server,  ///< `server`
  resigned,     ///< `server`, `epoch`: its sealed word
  unreachable,  ///< `server`: its port was reported closed
  // down
  to_client,   ///< `client`
  to_servers,  ///< `servers`
};

struct ParcelHead {
  ParcelKind kind{};
  ServerId server = ServerId::lb1;
  ServerSet servers = {};
  uint16_t size = 0;  ///< of the message
  Epoch epoch = {};
  ClientRef client = {};
};

struct alignas(64) ParcelCell {
  static constexpr size_t kHeadBytes = 64;
  ParcelHead head;
  uint8_t rest[256 - sizeof(ParcelHead)];  // NOLINT: moved as plain bytes, never looked at by element
};
static_assert(sizeof(ParcelCell) == 256 && std::is_trivially_copyable_v<ParcelCell>);
static_assert(sizeof(ParcelHead) <= ParcelCell::kHeadBytes);

/// Cells that a message of `size` bytes takes.
constexpr size_t parcel_cells(size_t size) {
  return (ParcelCell::kHeadBytes + size + sizeof(ParcelCell) - 1) / sizeof(ParcelCell);
}
inline constexpr size_t kParcelCellsMax = parcel_cells(kCellPlainMax);
static_assert(kParcelCellsMax == 6 && parcel_cells(192) == 1 && parcel_cells(193) == 2 &&
              parcel_cells(0) == 1);

using ParcelLink = Link<ParcelCell>;

/// Cells on lines of their own, not initialised.
inline std::unique_ptr<ParcelCell[]> make_cells(size_t count) {  // NOLINT: an array that is sized once
  return std::unique_ptr<ParcelCell[]>(new ParcelCell[count]);   // NOLINT
}

class ParcelWriter {
 public:
  /// All three outlive it. `bell` is the consumer's.
  ParcelWriter(ParcelLink& link, Bell& bell, LinkCounters::Producer& counters)
      : link_(link), bell_(bell), counters_(counters), stage_(make_cells(kStage)) {}

  /// Takes a copy, with `plain` of at most kCellPlainMax bytes. False: the Link has no room for all of it.
  [[nodiscard]] bool put(ParcelHead head, Bytes plain) {
    const size_t cells = parcel_cells(plain.size());
    TERCET_CHECK(cells <= kParcelCellsMax, "a message fits a datagram");
    if (staged_ + cells > kStage) {
      flush();
    }
    if (room_ < cells) {
      room_ = link_.room() - staged_;
      if (room_ < cells) {
        return false;
      }
    }
    head.size = static_cast<uint16_t>(plain.size());
    stage_[staged_].head = head;
    if (!plain.empty()) {
      std::memcpy(reinterpret_cast<uint8_t*>(&stage_[staged_]) + ParcelCell::kHeadBytes, plain.data(),
                  plain.size());
    }
    staged_ += cells;
    room_ -= cells;
    return true;
  }
  /// The same; what has no room is counted and lost.
  void put_or_drop(const ParcelHead& head, Bytes plain) {
    if (!put(head, plain)) {
      counters_.drop_full.add();
    }
  }
  void drop() { counters_.drop_full.add(); }
  /// Hands over what was put since, and wakes the consumer if it sleeps.
  void flush() {
    if (staged_ == 0) {
      return;
    }
    const size_t pushed = link_.push({stage_.get(), staged_});
    TERCET_CHECK(pushed == staged_, "room that the producer saw stays until it pushes");
    staged_ = 0;
    bell_.ring();
  }

 private:
  static constexpr size_t kStage = 64;  ///< 16 KiB: stays in the first cache
  ParcelLink& link_;
  Bell& bell_;
  LinkCounters::Producer& counters_;
  std::unique_ptr<ParcelCell[]> stage_;  // NOLINT
  size_t staged_ = 0;
  size_t room_ = 0;  ///< of the Link, besides what is staged; at least
};

/// One parcel, borrowed from its reader until the next fill().
struct ParcelView {
  const ParcelHead* head = nullptr;
  Bytes plain;
};

class ParcelReader {
 public:
  ParcelReader(ParcelLink& link, LinkCounters::Consumer& counters)
      : link_(link), counters_(counters), cells_(make_cells(kCells)) {}

  /// Fetches what has come, unless a whole parcel is still here. What next() gave before is gone.
  void fill() {
    if (whole()) {
      return;
    }
    const size_t left = end_ - next_;
    if (left != 0 && next_ != 0) {
      std::memmove(static_cast<void*>(&cells_[0]), &cells_[next_], left * sizeof(ParcelCell));
    }
    next_ = 0;
    end_ = left;
    const size_t waiting = link_.waiting();
    counters_.waiting.set(waiting);
    if (waiting == 0) {
      return;
    }
    if (waiting > counters_.waiting_max.get()) {
      counters_.waiting_max.set(waiting);
    }
    end_ += link_.pop({&cells_[end_], kCells - end_});
  }
  /// The next parcel that is here whole. False: there is none.
  bool next(ParcelView& out) {
    if (!whole()) {
      return false;
    }
    const ParcelCell& first = cells_[next_];
    out.head = &first.head;
    out.plain = {reinterpret_cast<const uint8_t*>(&first) + ParcelCell::kHeadBytes, first.head.size};
    next_ += parcel_cells(first.head.size);
    return true;
  }
  /// Something waits, here or in the Link.
  [[nodiscard]] bool waiting() const { return whole() || link_.waiting() != 0; }

 private:
  static constexpr size_t kCells = 256;  ///< 64 KiB
  [[nodiscard]] bool whole() const {
    return next_ < end_ && next_ + parcel_cells(cells_[next_].head.size) <= end_;
  }

  ParcelLink& link_;
  LinkCounters::Consumer& counters_;
  std::unique_ptr<ParcelCell[]> cells_;  // NOLINT
  size_t next_ = 0;
  size_t end_ = 0;
};

}  // namespace tercet::dataplane
