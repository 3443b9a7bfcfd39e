#pragma once
// Checkpoint: a place in the log where a book was captured, and what S there is made of. An image carries it
// before the book (wire/image.h).

#include <optional>

#include "quorum/log_view.h"
#include "quorum/machine.h"
#include "wire/image.h"

namespace tercet::quorum {

struct Checkpoint {
  LogView::Base base;  ///< the checkpoint entry, and S behind it
  Hash128 s_before;    ///< S before that entry …
  Result result;       ///< … and its result

  /// Whether a book of this digest is the one that S speaks of.
  [[nodiscard]] bool fits(const Hash128& digest) const;
};

ImageBase write_base(const Checkpoint& checkpoint);
Hash128 sum_of(const ImageBase& base);
/// None: it is not as it was written, or no entry can be like that.
std::optional<Checkpoint> read_base(const ImageBase& base);

}  // namespace tercet::quorum
