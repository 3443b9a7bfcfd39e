#pragma once
// Force: the operator's way out when a second backend is gone for good (DESIGN §2 "First start, lost disks").
// Of three backends one, the survivor, still has its log; one has a new disk; the
// third is gone. Two promises that count cannot be had any more, and nobody may vote. By the operator's
// order, and by nothing else, an LB goes on with the survivor's log alone.
//
// What happens: Prepare of an epoch far above all (kForcedLeap); the survivor's promise; the two others asked
// once more; EpochStart in its forced form behind the survivor's log. From there on the survivor and the
// named incarnation are the members, and the third slot is vacant.
//
// Why no cell splits of it, with O the members before, {S, A, G}, and N those after, {S, A', nobody}:
//  1. The fence is the survivor's disk. It takes the forced EpochStart at n as decided: it never cuts it
//     (`pinned`), and takes no log that has another entry there. So all that is ever decided by N, S has.
//  2. Whoever reads S's log later, or that of A', finds N, which is newer than O: promises of G, and of A in
//     its former life, count for nothing beside one of S or A'. N needs both for each decision (and for the
//     Rejoin that fills the vacant slot), so one of the two alone knows all that N decided: with a vacant
//     slot one promise is enough to choose, and the LB that lets A' in may die half-way.
//  3. LBs of O, zombies too: an entry that S and another of O decided is in S's log, before n. S votes for no
//     epoch below the forced one. What A and G decided without S is lost, also when a zombie counts it
//     together only afterwards: that is what the operator is told.
//  4. Two forced orders: S promises one epoch after the other, and its log says which one came first. An
//  order
//     is carried out only if the two others were asked *after* S had promised it: while A' is no member
//     nobody but S can have decided anything, and S has promised.
//  5. What no rule can see: the old disks of *both* others, put back together while S and A' are away, are
//  two
//     of O. The documents say so, and the command does.

#include <array>

#include "quorum/takeover.h"
#include "quorum/tally.h"

namespace tercet::quorum {

/// The forced epoch's counter lies so far above all that were heard of: above whatever the lost backends
/// promised without the survivor knowing (a takeover a millisecond for 49 days).
inline constexpr uint64_t kForcedLeap = uint64_t{1} << 32U;

/// What one backend answered when it was asked.
struct Said {
  bool answered = false;
  uint8_t flags = 0;
  Incarnation incarnation;
  bool newcomer = false;
  Seq last;
  Seq decided;  ///< of its log, as it knows: also while its book is built anew, or is to come from a peer
};
using AllSaid = std::array<Said, kBackends>;

enum class ForceVerdict : uint8_t {
  may,             ///< it allows it
  not_needed,      ///< two members answer, or clients are served
  no_survivor,     ///< no member with a log answers
  survivor_unfit,  ///< one answers, but it is divergent or stopped
  other_answers,   ///< the third slot's backend answers, and is no lost one: to be mended, not given up
  not_asking,      ///< the named one does not answer, was a member, or is another by now
  knows_more,      ///< the named one has pulled decided entries that the survivor lacks
  standby,         ///< the other LB is active: to be ordered there
  no_answer,       ///< the epoch was not won in time: to be ordered again
};
const char* name_of(ForceVerdict verdict);

struct ForceFinding {
  ForceVerdict verdict = ForceVerdict::no_survivor;
  Slot survivor = Slot::one;  ///< of `may`
};
/// Whether the answers allow the order.
ForceFinding may_force(const AllSaid& words, const ForcedRejoin& order);

/// The choice by an order, of promises of which the survivor's alone counts. None: that is not so.
std::optional<Choice> choose_forced(const Promises& promises, SlotSet left_out, Slot survivor,
                                    const ForcedRejoin& order);

}  // namespace tercet::quorum
