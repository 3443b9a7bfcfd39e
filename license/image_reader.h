#pragma once
// ImageReader: builds the book from an image (image_format.h). The bytes come from a disk or a peer and may
// be damaged anywhere: whatever they are, they are refused or are the book that was captured, whose digest
// the caller compares with the one that was decided.

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "license/image_format.h"
#include "license/undo.h"

namespace tercet::license {

class State;

class ImageReader {
 public:
  /// Clears `state`, which outlives this, and is of no use to anybody until finish().
  explicit ImageReader(State& state);
  /// The next bytes of the stream, cut anywhere. False once they are no image; then it stays so.
  [[nodiscard]] bool take(Bytes bytes);
  /// After the last ones: whether it was a whole image. `state` is the captured book then, or else empty.
  [[nodiscard]] bool finish();
  /// Why not; "" while nothing is wrong.
  [[nodiscard]] const char* fault() const { return fault_; }

 private:
  bool record(const ImageRecord& record, Bytes body);
  bool head(Bytes body);
  bool cell(Bytes body);
  bool license(uint32_t index, Bytes body);
  bool usage(uint32_t index, Bytes body);
  bool lease(uint32_t index, Bytes body);
  bool tombstone(uint32_t place, Bytes body);
  bool end(Bytes body);
  bool wrong(const char* why);

  State& state_;
  const char* fault_ = "";
  bool headed_ = false;
  bool ended_ = false;
  Standing standing_{};
  Hash128 sum_;
  Hash128 hash_;
  uint32_t licenses_ = 0;  ///< as the head says, and how many of the others are still to come
  uint32_t cells_left_ = 0, usages_left_ = 0, tombstones_left_ = 0, leases_left_ = 0;
  std::vector<std::optional<License>> found_;  ///< licenses: they are added in order
  std::vector<bool> placed_;                   ///< tombstones
  std::vector<uint8_t> part_;                  ///< of a record that was cut
};

}  // namespace tercet::license
