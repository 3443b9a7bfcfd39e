#include "quorum/image_choice.h"

#include <algorithm>

namespace tercet::quorum {

void ImageChoice::offered(const PeerImage& image) { offers_[index(slot_of(image.from))] = image; }

bool ImageChoice::any() const {
  return std::ranges::any_of(offers_, [](const auto& offer) { return offer.has_value(); });
}

std::optional<PeerImage> ImageChoice::best(MonoTime now) const {
  std::optional<PeerImage> best;
  if (now < not_before_) {
    return best;
  }
  for (const auto& offer : offers_) {
    if (!offer) {
      continue;
    }
    const Passed& passed = passed_[index(slot_of(offer->from))];
    if (passed.seq == offer->seq && now < passed.until) {
      continue;
    }
    if (begun_ && offer->same(*begun_)) {
      return offer;
    }
    if (!best || offer->seq > best->seq) {
      best = offer;
    }
  }
  return best;
}

void ImageChoice::ended(const PeerImage& image, ImageEnd end, MonoTime now) {
  begun_.reset();
  if (end == ImageEnd::broken_off || end == ImageEnd::not_there) {
    begun_ = image;
  }
  if (end == ImageEnd::broken_off) {
    return;  // it has waited for long enough
  }
  if (end != ImageEnd::unclear) {
    passed_[index(slot_of(image.from))] = {image.seq, now + kImagePassedOver};
  }
  not_before_ = now + pause_;
  pause_ = std::min(pause_ * 2, kImagePauseMax);
}

void ImageChoice::succeeded() {
  begun_.reset();
  not_before_ = {};
  pause_ = kImagePauseMin;
}

}  // namespace tercet::quorum
