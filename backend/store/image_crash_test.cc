// A crash at each step of an image on its way to the disk, beside an older one: what a start finds is said
// for each. The newer image, whole, from the moment on that the disk has published it; the older one, whole,
// before; one of the two while that is under way, and each of them for some crash.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "backend/store/image_draft.h"
#include "backend/store/image_load.h"
#include "backend/store/memory_disk.h"
#include "base/mutant.h"

namespace tercet::store {
namespace {

constexpr StoreId kCrashStore = 0x4352'4153;
constexpr uint32_t kOlder = 1;
constexpr uint32_t kNewer = 2;

std::vector<uint8_t> content_of(uint32_t number) {
  std::vector<uint8_t> content(600'001 + number);  // three blocks
  ImageBase base{};
  base.seq = number;
  base.epoch = 5U;
  std::memcpy(content.data(), &base, sizeof base);
  for (size_t i = sizeof base; i < content.size(); ++i) {
    content[i] = static_cast<uint8_t>(i * 31 + number);
  }
  return content;
}

enum class Found : uint8_t { older, newer, neither };

/// As a start does it: the newest image, whatever it is.
Found found(Disk& disk, const std::vector<uint8_t>& older, const std::vector<uint8_t>& newer) {
  const std::vector<FileId> images = disk.images();
  if (images.empty()) {
    return Found::neither;
  }
  const bool is_newer = images.back() == image_file(kNewer);
  const std::vector<uint8_t>& content = is_newer ? newer : older;
  std::vector<uint8_t> loaded;
  const LoadedImage image = load_image(disk, images.back(), kCrashStore, [&loaded](Bytes bytes) {
    loaded.insert(loaded.end(), bytes.begin(), bytes.end());
    return true;
  });
  const bool whole =
      image.verdict == Verdict::clean && image.base.seq == (is_newer ? kNewer : kOlder) &&
      std::equal(loaded.begin(), loaded.end(), content.begin() + sizeof(ImageBase), content.end());
  return !whole ? Found::neither : is_newer ? Found::newer : Found::older;
}

/// One life: the draft of an image, step by step. A step is one thing that the disk does, or what the draft
/// makes of it.
class Life {
 public:
  Life(MemoryDisk& disk, uint32_t number, const std::vector<uint8_t>& content)
      : disk_(disk), draft_(disk), content_(content) {
    draft_.begin(image_file(number), content.size(), 0);
  }
  /// False: it is all done.
  bool step() {
    if (draft_.phase() == ImageDraft::Phase::done) {
      return false;
    }
    if (!done_) {
      done_ = disk_.wait();
      by_disk_ += finished_ ? 1U : 0U;
      return done_;
    }
    IoDone done;
    done_ = false;
    EXPECT_EQ(disk_.reap({&done, 1}), 1U);
    EXPECT_TRUE(draft_.take(done));
    by_draft_ += finished_ ? 1U : 0U;
    for (size_t n = 1; n != 0 && at_ < content_.size(); at_ += n) {
      n = std::min(draft_.room(), content_.size() - at_);
      draft_.append({content_.data() + at_, n});
    }
    if (draft_.written() && !finished_) {
      finished_ = true;
      ImageHeader header;
      header.store = kCrashStore;
      ImageBase base{};
      std::memcpy(&base, content_.data(), sizeof base);
      draft_.finish(header, base);
    }
    return true;
  }
  /// The header is on the disk, and publishing is all that is left: that is under way, or done.
  [[nodiscard]] bool publishing() const { return by_draft_ >= 1; }
  [[nodiscard]] bool published() const { return by_disk_ >= 2; }
  [[nodiscard]] bool whole() const { return draft_.phase() == ImageDraft::Phase::done; }

 private:
  MemoryDisk& disk_;
  ImageDraft draft_;
  const std::vector<uint8_t>& content_;
  size_t at_ = 0;
  bool done_ = false;      ///< the disk has done something that the draft has not heard of
  bool finished_ = false;  ///< and since then so many requests were done:
  unsigned by_disk_ = 0;
  unsigned by_draft_ = 0;  ///< … and heard of
};

/// What was found that must not be, or empty.
std::string crash_at_each_step(bool power) {
  const std::vector<uint8_t> older = content_of(kOlder);
  const std::vector<uint8_t> newer = content_of(kNewer);
  unsigned before = 0;
  unsigned after = 0;
  unsigned steps = 0;
  for (bool all = false; !all; ++steps) {
    for (uint64_t dice = 1; dice <= 8; ++dice) {
      MemoryDisk disk(MemoryDisk::Options{.seed = dice});
      for (Life life(disk, kOlder, older); life.step();) {
      }
      Found what = Found::neither;
      bool publishing = false;
      bool published = false;
      {
        Life life(disk, kNewer, newer);
        for (unsigned i = 0; i < steps && !all; ++i) {
          all = !life.step();
        }
        publishing = life.publishing();
        published = life.published() || life.whole();
        const uint64_t salt = dice * 977 + steps;
        power ? disk.power_loss(salt) : disk.kill(salt);
        what = found(disk, older, newer);
      }
      const bool right = published    ? what == Found::newer
                         : publishing ? what != Found::neither
                                      : what == Found::older;
      if (!right) {
        return std::string(power ? "power lost" : "killed") + " after " + std::to_string(steps) +
               " steps, dice " + std::to_string(dice);
      }
      before += publishing && !published && what == Found::older ? 1U : 0U;
      after += publishing && !published && what == Found::newer ? 1U : 0U;
      // Whatever there is, the next life writes its own.
      if (what == Found::older) {
        Life again(disk, kNewer, newer);
        while (again.step()) {
        }
        if (found(disk, older, newer) != Found::newer) {
          return "the next life cannot write it after " + std::to_string(steps) + " steps";
        }
      }
    }
  }
  return steps < 12 ? "too few steps" : before == 0 || after == 0 ? "publishing is never cut short" : "";
}

TEST(ImageCrashSweep, TheOlderImageOrTheNewerOneWholeAsEachStepSays) {
  EXPECT_EQ(crash_at_each_step(true), "");
  EXPECT_EQ(crash_at_each_step(false), "");
}

#ifdef TERCET_TEST_FAULTS
TEST(ImageCrashSweep, OneThatIsPublishedTooEarlyIsNoticed) {
  plant(Mutant::unfinished_image);
  const std::string power = crash_at_each_step(true);
  const std::string killed = crash_at_each_step(false);
  plant(Mutant::none);
  EXPECT_NE(power, "");
  EXPECT_NE(killed, "");
}
#endif

}  // namespace
}  // namespace tercet::store
