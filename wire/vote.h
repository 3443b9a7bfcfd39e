#pragma once
// Vote (backend → LB: results of entries, after they are durable) and Answer (to a read).

#include "wire/cell_message.h"
#include "wire/drop.h"
#include "wire/limits.h"

namespace tercet {

/// What a backend says of itself in Vote, Promise and Heard.
inline constexpr uint8_t kDivergent = 1;    ///< its S differs from the decided one: its votes do not count
inline constexpr uint8_t kBlank = 2;        ///< empty log: no member yet
inline constexpr uint8_t kAmnesiac = 4;     ///< lost its disk or cannot trust it: neither votes nor counts
inline constexpr uint8_t kMember = 8;       ///< its own log names its incarnation
inline constexpr uint8_t kCatchingUp = 16;  ///< pulls entries
inline constexpr uint8_t kLeasesLive = 32;  ///< leases exist: an idle LB must tick
inline constexpr uint8_t kMoreDue = 64;     ///< more expiries are due: a Tick follows at once
inline constexpr uint8_t kStopped = 128;    ///< its disk is full or failed: keeps what it has, votes no more

/// What its book makes of the container that a backend has (Vote, Heard): where it is not `here`, the
/// backend's constituents are missing.
enum class ContainerState : uint8_t {
  here = 0,     ///< the one that the book binds constituents of its slot to, or there is no book yet
  gone = 1,     ///< none, or none that can be read
  foreign = 2,  ///< another one than the book knows: its licenses wait for a reissue
  revoked = 3,  ///< one that another has taken the place of
};
constexpr bool container_state_fits(uint8_t state) {
  return state <= static_cast<uint8_t>(ContainerState::revoked);
}
const char* name_of(ContainerState state);  ///< as status shows it

struct VoteHeader {
  uint8_t type;
  uint8_t flags;
  Le16 count;         ///< results that follow, for first … first + count − 1
  Le16 load;          ///< queries this backend has waiting; for steering reads
  uint8_t container;  ///< ContainerState
  uint8_t absent;     ///< slots whose constituents are absent in its book, behind the last of these entries
  Le64 epoch;
  Le64 incarnation;
  Le64 first;
  WireHash last_l;  ///< L(first + count − 1)
  Le64 wall_ms;     ///< the backend's clock
  Le64 durable;     ///< its last durable seq of this log
};
static_assert(sizeof(VoteHeader) == 64);

struct VoteResult {
  Le64 s;          ///< low 64 bits of S(n)
  uint8_t length;  ///< of the result behind it, ≤ kResultMax
};
static_assert(sizeof(VoteResult) == 9);

struct AnswerHeader {
  uint8_t type;
  uint8_t flags;  ///< kWhole: the answer follows; else its hash alone
  Le16 length;    ///< of the whole answer
  Le32 slot;      ///< the read's index and generation, as asked
  Le32 generation;
  Le32 load;
  Le64 epoch;
  Le64 incarnation;
  Le64 place;        ///< the seq at which it was evaluated …
  WireHash place_l;  ///< … and L there
  WireHash hash;     ///< of the answer's bytes
};
static_assert(sizeof(AnswerHeader) == 72);
inline constexpr uint8_t kWhole = 1;
static_assert(sizeof(AnswerHeader) + kReadAnswerMax <= kCellPlainMax);

struct VoteView {
  const VoteHeader* header = nullptr;
  Bytes results;
};
struct AnswerView {
  const AnswerHeader* header = nullptr;
  Bytes body;
};
struct Ballot {
  Seq seq;
  uint64_t s = 0;
  Bytes result;
};
class VoteWalk {
 public:
  explicit VoteWalk(const VoteView& view) : rest_(view.results), next_(view.header->first.get()) {}
  bool next(Ballot& out);

 private:
  Bytes rest_;
  uint64_t next_;
};

Drop parse_vote(Bytes plain, VoteView& out);
Drop parse_answer(Bytes plain, AnswerView& out);
/// Writes an Answer: the whole `answer` (`whole`), or its hash alone. Type, flags, length and hash of the
/// header are set here. 0 if `out` is too small.
size_t write_answer(AnswerHeader header, Bytes answer, bool whole, MutBytes out);

class VoteWriter {
 public:
  /// `type`, `count` and `last_l` of the header are set here.
  VoteWriter(MutBytes out, const VoteHeader& header);
  bool add(uint64_t s, Bytes result);  ///< false when it does not fit
  [[nodiscard]] uint16_t count() const { return count_; }
  size_t finish(const Hash128& last_l);

 private:
  MutBytes out_;
  size_t used_;
  uint16_t count_ = 0;
};

}  // namespace tercet
