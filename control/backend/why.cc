#include "control/backend/why.h"

#include <string_view>

#include "wire/ids.h"

namespace tercet::control {
namespace {

/// "b2's book of seq 4711".
std::string book_of(const backend::ImageFetch::Transfer& image) {
  return name_of(image.from) + std::string("'s book of seq ") + std::to_string(image.seq.value);
}

/// How it gets what it lacks, while it does, and what went wrong with that.
std::string on_its_way(const backend::ReplicaView& view) {
  std::string text;
  if (view.image.seq.value != 0) {
    text = "; it takes over " + book_of(view.image) + ", " + std::to_string(view.image.percent()) +
           " % are here: nobody has the entries any more that it lacks";
  }
  if (view.image_failed.seq.value != 0) {
    text += "; " + book_of(view.image_failed) + " could not be taken over, after " +
            std::to_string(view.image_failed.percent()) + " % (" + std::to_string(view.fetched.failed) +
            " failed in all)";
  }
  return text;
}

}  // namespace

std::string why_not_voting(const backend::ReplicaView& view, const WhyFacts& facts) {
  const std::string_view state = view.state;
  if (state == "stopped") {
    return facts.stopped;
  }
  if (view.waits_for_room) {
    return facts.no_room;
  }
  if (state == "amnesiac") {
    return (facts.lost.empty() ? "its disk is new: the other two have not admitted it yet" : facts.lost) +
           on_its_way(view);
  }
  if (state == "divergent") {
    return "its book differs from what two others decided: it is built anew from its log, and counts again "
           "when it is right (built " +
           std::to_string(view.acceptor.rebuilds) + " times so far)" + on_its_way(view);
  }
  if (state == "catching-up") {
    return "it takes what it missed from the other servers: its log ends at seq " +
           std::to_string(view.last.value) + ", decided as far as it knows up to " +
           std::to_string(view.commit.value) + on_its_way(view);
  }
  if (state == "blank") {
    return "its log is empty: it waits for the cell's first start, which needs all three backends";
  }
  return {};
}

}  // namespace tercet::control
