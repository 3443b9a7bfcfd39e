#pragma once
// Planted bugs: each breaks one rule of the protocol, so that the simulator can prove it would notice. Only
// with TERCET_TEST_FAULTS (off in release packages); otherwise `planted()` is constant false and the branch
// is gone. One switch for the whole process, set before any thread starts and never changed while one runs.

#include <cstdint>

namespace tercet {

enum class Mutant : uint8_t {
  none,
  vote_before_durable,
  promise_before_durable,
  choose_highest_seq_without_epoch,
  shorter_accept_cuts,
  old_epoch_decided_by_copies,
  duplicate_answered_twice,
  genesis_from_two_empty_promises,
  answer_on_equal_s_one_result,
  heard_without_fit,
  rebuild_drops_the_log,
  commit_of_another_log,  ///< from an Accept that does not match
  relayed_state,          ///< a new LB passes on the S that a backend told of, before its own tally has one
  pause_made_up_for,      ///< an LB that was paused catches cell time up, a second at a time
  torn_called_corrupt,
  corrupt_called_torn,
  failed_write_counts,          ///< the log goes on after a write that failed as if it had been done
  expired_is_forgotten,         ///< the book remembers a handle no more whose lease ran out
  denied_is_forgotten,          ///< … whose checkout was denied
  released_first_is_forgotten,  ///< … whose release came before its checkout
  unmeasured_image,             ///< an image is used whatever two votes had at its checkpoint
  unfinished_image,             ///< an image is published before its header is written
  grant_with_one_constituent,
  former_life_counts,        ///< the promise of an incarnation that a Rejoin has replaced
  not_admitted_counts,       ///< the promise of one that a Rejoin names, before it is admitted
  admitted_without_promise,  ///< at promise 0, whatever its log holds
  lying_backend,             ///< not a bug of ours but a fault: this backend's book computes wrong results
};

#ifdef TERCET_TEST_FAULTS
inline Mutant g_planted = Mutant::none;
inline bool planted(Mutant mutant) { return g_planted == mutant; }
inline void plant(Mutant mutant) { g_planted = mutant; }
#else
constexpr bool planted(Mutant) { return false; }
#endif

}  // namespace tercet
