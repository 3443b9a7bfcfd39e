#pragma once
// Outbox: where a Service writes what is to be sent, in place and in plain; dataplane/send seals and sends
// it. One message to several servers is written once. Not thread-safe; one per Service. Allocates only at
// construction.

#include <array>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "wire/client_ref.h"
#include "wire/limits.h"

namespace tercet {

class Outbox {
 public:
  struct Parcel {
    uint32_t offset = 0;
    uint16_t size = 0;
    ServerSet servers;  ///< empty: to the client
    ClientRef client;
  };

  explicit Outbox(size_t parcels_max = 1024)
      : bytes_(parcels_max * kTypicalSize + kCellPlainMax), parcels_max_(parcels_max) {
    parcels_.reserve(parcels_max);
  }

  /// Room for one message of up to kCellPlainMax bytes (kClientPlainMax to a client); empty when the outbox
  /// is full: the caller keeps the rest for its next tick.
  MutBytes open() {
    if (parcels_.size() >= parcels_max_ || bytes_.size() - used_ < kCellPlainMax) {
      return {};
    }
    return {bytes_.data() + used_, kCellPlainMax};
  }
  void close(ServerSet to, size_t size) {
    keep({static_cast<uint32_t>(used_), static_cast<uint16_t>(size), to, {}});
  }
  void close(ServerId to, size_t size) { close(ServerSet(to), size); }
  void close(const ClientRef& to, size_t size) {
    keep({static_cast<uint32_t>(used_), static_cast<uint16_t>(size), {}, to});
  }

  [[nodiscard]] std::span<const Parcel> parcels() const { return parcels_; }
  [[nodiscard]] Bytes bytes(const Parcel& p) const { return {bytes_.data() + p.offset, p.size}; }
  [[nodiscard]] bool empty() const { return parcels_.empty(); }
  void clear() {
    parcels_.clear();
    used_ = 0;
  }

 private:
  static constexpr size_t kTypicalSize = 512;
  void keep(const Parcel& p) {
    if (p.size == 0) {
      return;
    }
    parcels_.push_back(p);
    used_ += p.size;
  }
  std::vector<uint8_t> bytes_;
  std::vector<Parcel> parcels_;
  size_t parcels_max_;
  size_t used_ = 0;
};

}  // namespace tercet
