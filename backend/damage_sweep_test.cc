// A log of 1,000 entries, damaged in every place that matters, one at a time, and opened each time. What may
// come of it: every entry that was durable is there, or the log is refused as a whole. Never a log that opens
// without one of them.

#include <algorithm>
#include <vector>

#include "backend/log_places.h"
#include "backend/opening_rig.h"
#include "base/sanitized.h"

namespace tercet::backend {
namespace {

using quorum::testing::Story;
using quorum::testing::ToyMachine;
using store::kSectorBytes;
using store::Offset;
using store::Verdict;

constexpr unsigned kEntries = 1000;

class DamageSweep : public testing::Test {
 protected:
  DamageSweep() {
    story_.genesis(kFirstEpoch).ops(kFirstEpoch, kEntries - 1);
    LogWriter log(disk_);
    log.promise(kFirstEpoch);
    log.batch();
    // Batches of 1, 2, … 16 entries; a commit rides in each fifth one.
    unsigned batch = 0;
    for (Seq at{1}; at <= story_.last(); ++batch) {
      for (unsigned i = 0; i <= batch % 16 && at <= story_.last(); ++i, at = next(at)) {
        log.entry(story_.entry(at));
      }
      if (batch % 5 == 0) {
        log.commit(previous(at), {});
      }
      log.batch();
    }
    const store::FileRange files = disk_.files();
    for (store::FileId file = files.first; file < files.end; ++file) {
      disk_.peek(file, 0, images_.emplace_back(disk_.size(file)));
    }
    LogPlaces places(disk_, 0);
    sealed_ = std::move(places.sealed);
    records_ = std::move(places.records);
  }
  void restore() {
    const store::FileRange files = disk_.files();
    for (store::FileId file = files.first; file < files.end; ++file) {
      disk_.lose(file);
    }
    for (store::FileId file = 0; file < images_.size(); ++file) {
      disk_.poke(file, 0, images_[file]);
    }
  }

  /// The one thing that is asked of every damage.
  Verdict open() {
    ToyMachine machine;
    const Opening opening = open_log(disk_, machine, small_opening());
    ++opened_;
    if (opening.sound()) {
      const quorum::LogView& log = opening.acceptor->log();
      EXPECT_EQ(log.last(), story_.last());
      EXPECT_TRUE(log.matches(story_.last(), story_.l(story_.last())));
      EXPECT_EQ(opening.acceptor->promised(), kFirstEpoch);
    } else {
      EXPECT_EQ(opening.verdict, Verdict::corrupt) << opening.why;
      EXPECT_FALSE(opening.why.empty());
    }
    return opening.verdict;
  }
  void flip(store::FileId file, Offset at) {
    const auto mask = static_cast<uint8_t>(1U << (opened_ % 8));
    disk_.flip(file, at, mask);
    EXPECT_EQ(open(), Verdict::corrupt)
        << store::segment_name(file) << " byte " << at << " mask " << int{mask};
    disk_.flip(file, at, mask);
  }

  static constexpr size_t kStep = kSanitized ? 8 : 1;
  Story story_;
  store::MemoryDisk disk_;
  std::vector<std::vector<uint8_t>> images_;
  std::vector<SectorPlace> sealed_;
  std::vector<RecordPlace> records_;
  unsigned opened_ = 0;
};

TEST_F(DamageSweep, TheLogIsWholeBeforehand) {
  EXPECT_EQ(open(), Verdict::clean);
  EXPECT_GT(records_.size(), size_t{kEntries});
  EXPECT_GT(images_.size(), 2U) << "several segments";
}

TEST_F(DamageSweep, AByteOfEachRecord) {
  for (size_t n = 0; n < records_.size(); n += kStep) {
    const RecordPlace& record = records_[n];
    for (const size_t i : {size_t{0}, size_t{1}, record.size / 2, record.size - 1}) {
      flip(record.file, record.byte(i));
    }
  }
  EXPECT_EQ(open(), Verdict::clean) << "every flip was taken back";
}

TEST_F(DamageSweep, EachFieldOfEachSector) {
  for (size_t n = 0; n < sealed_.size(); n += kStep) {
    const SectorPlace& sector = sealed_[n];
    for (const unsigned field : kSectorFields) {
      flip(sector.file, sector.at() + field);
    }
  }
}

TEST_F(DamageSweep, TheFreeSpaceBehindTheEnd) {
  const auto last = static_cast<store::FileId>(images_.size() - 1);
  for (Offset at = Offset{sealed_.back().number + 1} * kSectorBytes; at < images_[sealed_.back().file].size();
       at += 500) {
    flip(sealed_.back().file, at);
  }
  flip(last, images_[last].size() - 1);
}

TEST_F(DamageSweep, AFileCutAtEachRecordsEndAndAByteBeforeAndBehind) {
  const auto cut = [this](store::FileId file, Offset size) {
    disk_.truncate(file, size);
    EXPECT_EQ(open(), Verdict::corrupt) << store::segment_name(file) << " cut to " << size;
    restore();
  };
  for (const RecordPlace& record : records_) {
    const Offset end = record.byte(record.size - 1) + 1;
    for (const Offset size : {end - 1, end, end + 1}) {
      cut(record.file, size);
    }
  }
  for (const SectorPlace& sector : sealed_) {
    cut(sector.file, sector.at());
  }
  EXPECT_EQ(open(), Verdict::clean);
}

TEST_F(DamageSweep, AFileThatIsGone) {
  for (store::FileId file = 0; file + 1 < images_.size(); ++file) {
    disk_.lose(file);
    EXPECT_EQ(open(), Verdict::corrupt) << file;
    restore();
  }
}

/// Its files from some place on, the one that stands ready for what comes next included: nothing on the disk
/// tells it from a log that ended there, so who saw the votes has to (quorum's RolledBack).
TEST_F(DamageSweep, ATailOfFilesThatIsGoneLeavesASoundLogThatIsShorter) {
  for (store::FileId file = sealed_.back().file; file < images_.size(); ++file) {
    disk_.lose(file);
  }
  ToyMachine machine;
  const Opening opening = open_log(disk_, machine, small_opening());
  ASSERT_TRUE(opening.sound()) << opening.why;
  const Seq end = opening.acceptor->log().last();
  EXPECT_LT(end, story_.last());
  EXPECT_TRUE(opening.acceptor->log().matches(end, story_.l(end)));
}

TEST_F(DamageSweep, ASectorOfAnEarlierOrLaterOneInAnothersPlace) {
  for (size_t i = 0; i + 7 < sealed_.size(); ++i) {
    std::vector<uint8_t> stranger(kSectorBytes);
    disk_.peek(sealed_[i + 7].file, sealed_[i + 7].at(), stranger);
    disk_.poke(sealed_[i].file, sealed_[i].at(), stranger);
    EXPECT_EQ(open(), Verdict::corrupt) << i;
    restore();
  }
}

/// The last batch alone may lack sectors: those that were never written.
TEST_F(DamageSweep, OnlyTheLastBatchMayBeTorn) {
  const std::vector<uint8_t> zeros(kSectorBytes);
  for (const SectorPlace& sector : sealed_) {
    disk_.poke(sector.file, sector.at(), zeros);
    ToyMachine machine;
    const Opening opening = open_log(disk_, machine, small_opening());
    const RecordPlace& last = records_.back();
    const bool of_the_last = sector.file == last.file && sector.number >= last.sector;
    EXPECT_EQ(opening.sound(), of_the_last) << sector.number;
    if (of_the_last) {
      // Nobody had its vote: all that was durable before it is there.
      EXPECT_LT(opening.acceptor->log().last(), story_.last());
      const Seq end = opening.acceptor->log().last();
      EXPECT_GE(end.value, kEntries - 16U);
      EXPECT_TRUE(opening.acceptor->log().matches(end, story_.l(end)));
    }
    restore();
  }
}

}  // namespace
}  // namespace tercet::backend
