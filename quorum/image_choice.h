#pragma once
// ImageChoice: which peer's image is asked for, where nobody has the entries that we lack any more: one that
// is here in part already, or else the newest. One that could not be had there, or was no right book, is
// passed over for a while: another peer's may be good, and in time there is a newer one. Between two failures
// lies a pause that doubles. A value: the time comes as an argument.

#include <array>
#include <optional>

#include "quorum/limits.h"
#include "wire/ids.h"

namespace tercet::quorum {

/// What a peer whose log is the one that was named has instead of the entries that we lack.
struct PeerImage {
  ServerId from = ServerId::b1;
  Seq seq;    ///< of its checkpoint …
  Hash128 l;  ///< … and L there
  /// The same bytes, whoever has them: a checkpoint names the one backend that captures it.
  [[nodiscard]] bool same(const PeerImage& other) const { return seq == other.seq && l == other.l; }
};

/// How a transfer ended that did not reach its end.
enum class ImageEnd : uint8_t {
  broken_off,  ///< its source gave a part and fell silent: the part is kept
  not_there,   ///< its source gives nothing of it, or nothing more; what came before is kept
  wrong,       ///< it is no right book
  unclear,     ///< no book came of it, and that need not be the source's fault
};

class ImageChoice {
 public:
  void offered(const PeerImage& image);
  void forget_offers() { offers_ = {}; }
  /// Somebody has offered one, if perhaps none that may be asked for now.
  [[nodiscard]] bool any() const;
  /// The one to ask for, of those that were offered.
  [[nodiscard]] std::optional<PeerImage> best(MonoTime now) const;

  void ended(const PeerImage& image, ImageEnd end, MonoTime now);
  /// Nothing is lacking any more, or an image was taken over.
  void succeeded();

 private:
  struct Passed {
    Seq seq;
    MonoTime until;
  };
  std::array<std::optional<PeerImage>, kBackends> offers_;
  std::array<Passed, kBackends> passed_{};
  std::optional<PeerImage> begun_;  ///< a part of it is here
  MonoTime not_before_;
  Duration pause_ = kImagePauseMin;
};

}  // namespace tercet::quorum
