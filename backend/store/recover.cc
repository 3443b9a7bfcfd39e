#include "backend/store/recover.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "backend/store/sector_reader.h"
#include "base/mutant.h"

namespace tercet::store {
namespace {

struct Place {
  FileId segment = 0;
  uint32_t sector = 0;
  bool operator==(const Place&) const = default;
};

std::string text_of(Place place) {
  return segment_name(place.segment) + " sector " + std::to_string(place.sector);
}

BatchNumber predecessor(const SectorHeader& header) { return header.batch - header.follows; }

class Recovery {
 public:
  Recovery(Disk& disk, const RecoverOptions& options, const Visitor& visitor)
      : options_(options), visitor_(visitor), disk_(disk), reader_(disk), at_{options.start.segment, 0} {
    result_.end = options.start;
    result_.end.sector = 0;
  }

  Recovered run();

 private:
  // What one sector is to the log, beyond its checksum.
  enum class Sector : uint8_t { zero, ours, former, bad, unreadable };
  Sector look(Place place, const uint8_t* bytes, SectorHeader& header);

  bool find_segments();
  // A batch at `place` that directly follows the last good one, every sector of it there; nullopt: there is
  // none (or the disk could not be read: failed()).
  std::optional<SectorHeader> whole_batch(Place place);
  bool take_batch(Place place, const SectorHeader& header);
  bool only_leftovers(Place from, BatchNumber below);
  void judge_the_rest();

  void say(Verdict verdict, std::string why) {
    result_.verdict = verdict;
    result_.why = std::move(why);
  }
  [[nodiscard]] bool failed() const {
    return result_.verdict == Verdict::corrupt || result_.verdict == Verdict::unreadable;
  }
  LogEnd& end() { return result_.end; }

  const RecoverOptions& options_;
  const Visitor& visitor_;
  Disk& disk_;
  SectorReader reader_;
  FileId segments_end_ = 0;
  Place at_;  // where the batch after the last good one begins, if it fits there
  std::vector<uint8_t> stream_;
  Recovered result_;
};

Recovery::Sector Recovery::look(Place place, const uint8_t* bytes, SectorHeader& header) {
  const LogEnd& start = options_.start;
  const bool first = end().batch == start.batch && place == Place{start.segment, 0};
  switch (look_at_sector(bytes, header)) {
    case SectorKind::zero:
      return Sector::zero;
    case SectorKind::damaged:
      if (planted(Mutant::corrupt_called_torn)) {
        return Sector::former;
      }
      say(Verdict::corrupt, text_of(place) + ": damaged (its checksum does not match)");
      return Sector::bad;
    case SectorKind::version:
      // A whole log of another version is not damage; one sector of it in ours is.
      say(first ? Verdict::unreadable : Verdict::corrupt,
          text_of(place) + ": format version " + std::to_string(header.version) + ", this program reads " +
              std::to_string(kFormatVersion));
      return Sector::bad;
    case SectorKind::sealed:
      break;
  }
  if (header.store != options_.store) {
    say(first ? Verdict::unreadable : Verdict::corrupt, text_of(place) + ": belongs to another store");
    return Sector::bad;
  }
  if (header.segment == place.segment && header.sector == place.sector) {
    if (header.segment_sectors != reader_.sectors(place.segment)) {
      say(Verdict::corrupt, segment_name(place.segment) + ": has " +
                                std::to_string(reader_.sectors(place.segment)) + " sectors, was made with " +
                                std::to_string(header.segment_sectors.get()));
      return Sector::bad;
    }
    return Sector::ours;
  }
  // A recycled segment holds the sectors of a segment that lies before the log's start: former content. Any
  // other stranger was written to the wrong place.
  if (header.segment < start.segment && header.sector == place.sector &&
      header.batch <= std::max(start.batch, start.batch_seen)) {
    return Sector::former;
  }
  say(Verdict::corrupt, text_of(place) + ": holds what belongs to " +
                            text_of({header.segment, header.sector}) + " (a misdirected write)");
  return Sector::bad;
}

bool Recovery::find_segments() {
  const FileRange there = disk_.files();
  const FileId first = options_.start.segment;
  segments_end_ = first;
  if (there.first >= there.end || there.end <= first || there.first > first) {
    if (there.first >= there.end && options_.fresh) {
      return true;
    }
    say(Verdict::corrupt, segment_name(first) + " is not there");
    return false;
  }
  for (FileId segment = first; segment < there.end; ++segment) {
    const uint64_t size = disk_.size(segment);
    if (size == 0 || size % kSectorBytes != 0 || size / kSectorBytes > UINT32_MAX) {
      say(Verdict::corrupt,
          segment_name(segment) + (size == 0 ? " is not there" : " has a size that is not in sectors"));
      return false;
    }
  }
  segments_end_ = there.end;
  return true;
}

std::optional<SectorHeader> Recovery::whole_batch(Place place) {
  if (place.segment >= segments_end_ || place.sector >= reader_.sectors(place.segment)) {
    return std::nullopt;
  }
  const uint8_t* bytes = reader_.view(place.segment, place.sector, 1);
  if (bytes == nullptr) {
    say(Verdict::unreadable, reader_.error());
    return std::nullopt;
  }
  SectorHeader first;
  if (look(place, bytes, first) != Sector::ours || first.index != 0 || first.batch <= end().batch ||
      predecessor(first) != end().batch || first.first_lsn != end().lsn + 1 ||
      first.count > reader_.sectors(place.segment) - place.sector) {
    return std::nullopt;
  }
  bytes = reader_.view(place.segment, place.sector, first.count);
  if (bytes == nullptr) {
    say(Verdict::unreadable, reader_.error());
    return std::nullopt;
  }
  for (uint16_t i = 0; i < first.count; ++i) {
    SectorHeader header;
    const Place here{place.segment, place.sector + i};
    if (look(here, bytes + size_t{i} * kSectorBytes, header) != Sector::ours || header.batch != first.batch ||
        header.index != i || header.count != first.count || header.follows != first.follows ||
        header.first_lsn != first.first_lsn) {
      return std::nullopt;
    }
  }
  return first;
}

bool Recovery::take_batch(Place place, const SectorHeader& header) {
  const auto nonsense = [&](const char* what) {
    say(Verdict::corrupt, text_of(place) + ": batch " + std::to_string(header.batch) + " " + what);
    return false;
  };
  const uint8_t* bytes = reader_.view(place.segment, place.sector, header.count);
  if (bytes == nullptr) {
    say(Verdict::unreadable, reader_.error());
    return false;
  }
  stream_.clear();
  for (uint32_t i = 0; i < header.count; ++i, bytes += kSectorBytes) {
    SectorHeader sector;
    std::memcpy(&sector, bytes, sizeof(sector));
    const bool last = i + 1 == header.count;
    if (last ? sector.payload == 0 : sector.payload != kPayloadBytes) {
      return nonsense("is whole, but its sectors are not filled");
    }
    stream_.insert(stream_.end(), bytes + sizeof(sector), bytes + sizeof(sector) + sector.payload);
  }
  // Twice over the records: none of a batch is handed on before all of it was seen to make sense.
  const auto each = [this](auto&& use) {
    Bytes rest{stream_};
    while (!rest.empty()) {
      RecordHeader record;
      if (rest.size() < sizeof(record)) {
        return false;
      }
      std::memcpy(&record, rest.data(), sizeof(record));
      rest = rest.subspan(sizeof(record));
      if (record.type == 0 || record.length > rest.size() || !use(record.type, rest.first(record.length))) {
        return false;
      }
      rest = rest.subspan(record.length);
    }
    return true;
  };
  uint64_t records = 0;
  if (!each([&records](uint8_t, Bytes) { return ++records != 0; })) {
    return nonsense("is whole, but its records are not");
  }
  if (options_.fresh) {
    say(Verdict::unreadable, text_of(place) + ": a new store finds records here");
    return false;
  }
  Lsn lsn = end().lsn;
  if (!each([&](uint8_t type, Bytes record) { return visitor_(++lsn, type, record); })) {
    say(Verdict::corrupt,
        text_of(place) + ": record " + std::to_string(lsn) + " makes no sense to its reader");
    return false;
  }
  if (place.sector == 0) {
    result_.starts.push_back(
        {.segment = place.segment, .batch = end().batch, .batch_seen = header.batch - 1, .lsn = end().lsn});
  }
  result_.records += records;
  ++result_.batches;
  end().batch = header.batch;
  end().batch_seen = std::max(end().batch_seen, BatchNumber{header.batch});
  end().lsn = lsn;
  at_ = {place.segment, place.sector + header.count};
  return true;
}

// The rest of a segment that the next batch left for the following one: zeros, or sectors of batches that
// were cut.
bool Recovery::only_leftovers(Place from, BatchNumber below) {
  const uint32_t size = reader_.sectors(from.segment);
  while (from.sector < size) {
    const uint32_t n = std::min(size - from.sector, 2048U);
    const uint8_t* bytes = reader_.view(from.segment, from.sector, n);
    if (bytes == nullptr) {
      say(Verdict::unreadable, reader_.error());
      return false;
    }
    for (uint32_t i = 0; i < n; ++i, ++from.sector, bytes += kSectorBytes) {
      SectorHeader header;
      const Sector sector = look(from, bytes, header);
      if (sector == Sector::bad) {
        return false;
      }
      if (sector == Sector::ours && header.batch >= below) {
        say(Verdict::corrupt, text_of(from) + ": batch " + std::to_string(header.batch) +
                                  " stands before batch " + std::to_string(below));
        return false;
      }
    }
  }
  return true;
}

// Behind the last good batch: free, or one torn batch over former content, or corrupt.
void Recovery::judge_the_rest() {
  const Place ends[] = {at_, {at_.segment + 1, 0}};
  SectorHeader torn;  // of the highest batch number seen; batch 0 = none
  Place torn_at;
  uint32_t present = 0;
  Place place = at_;
  for (; place.segment < segments_end_; ++place.segment, place.sector = 0) {
    const uint32_t size = reader_.sectors(place.segment);
    while (place.sector < size) {
      const uint32_t n = std::min(size - place.sector, 2048U);
      const uint8_t* bytes = reader_.view(place.segment, place.sector, n);
      if (bytes == nullptr) {
        say(Verdict::unreadable, reader_.error());
        return;
      }
      for (uint32_t i = 0; i < n; ++i, ++place.sector, bytes += kSectorBytes) {
        SectorHeader header;
        const Sector sector = look(place, bytes, header);
        if (sector == Sector::bad) {
          return;
        }
        if (sector != Sector::ours || header.batch <= end().batch) {
          continue;
        }
        const Place begin{place.segment, place.sector - header.index};
        const bool follows = predecessor(header) == end().batch && header.first_lsn == end().lsn + 1 &&
                             std::ranges::find(ends, begin) != std::end(ends) &&
                             header.count <= size - begin.sector;
        if (!follows) {
          say(Verdict::corrupt, text_of(place) + ": batch " + std::to_string(header.batch) +
                                    " follows batch " + std::to_string(predecessor(header)) +
                                    ", the log ends with " + std::to_string(end().batch) + " at " +
                                    text_of(at_));
          return;
        }
        if (header.batch > torn.batch) {
          torn = header;
          torn_at = begin;
          present = 0;
        }
        if (header.batch == torn.batch) {
          if (begin != torn_at || header.count != torn.count) {
            say(Verdict::corrupt,
                text_of(place) + ": batch " + std::to_string(header.batch) + " is in two places");
            return;
          }
          ++present;
        }
      }
    }
  }
  if (torn.batch == 0) {
    return;
  }
  end().batch_seen = std::max(end().batch_seen, BatchNumber{torn.batch});
  result_.torn_batch = torn.batch;
  say(planted(Mutant::torn_called_corrupt) ? Verdict::corrupt : Verdict::torn,
      text_of(torn_at) + ": batch " + std::to_string(torn.batch) + " was cut, " + std::to_string(present) +
          " of its " + std::to_string(torn.count) + " sectors were written");
}

Recovered Recovery::run() {
  if (!find_segments()) {
    return std::move(result_);
  }
  while (!failed()) {
    Place place = at_;
    std::optional<SectorHeader> batch = whole_batch(place);
    if (!batch) {
      // Whatever is wrong here is found again, and said, when the rest is judged.
      if (result_.verdict == Verdict::unreadable) {
        break;
      }
      result_.verdict = Verdict::clean;
      place = {at_.segment + 1, 0};
      batch = whole_batch(place);
      if (batch && !only_leftovers(at_, batch->batch)) {
        break;
      }
    }
    if (!batch) {
      if (result_.verdict != Verdict::unreadable) {
        say(Verdict::clean, "");
        judge_the_rest();
      }
      break;
    }
    take_batch(place, *batch);
  }
  end().segment = at_.segment;
  end().sector = at_.sector;
  if (!failed() && segments_end_ != options_.start.segment && !reader_.sync()) {
    say(Verdict::unreadable, reader_.error());
  }
  return std::move(result_);
}

}  // namespace

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::clean:
      return "clean";
    case Verdict::torn:
      return "torn";
    case Verdict::corrupt:
      return "corrupt";
    case Verdict::unreadable:
      return "unreadable";
  }
  return "?";
}

Recovered recover(Disk& disk, const RecoverOptions& options, const Visitor& visitor) {
  return Recovery(disk, options, visitor).run();
}

}  // namespace tercet::store
