#pragma once
// Planted bugs: each breaks one rule of the protocol, so that the simulator can prove it would notice. Only with
// TERCET_TEST_FAULTS (off in release packages); otherwise `planted()` is constant false and the branch is gone.
// One switch for the whole process, set before any thread starts and never changed while one runs.

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
  lying_backend,  ///< not a bug of ours but a fault: this backend's book computes wrong results
};

#ifdef TERCET_TEST_FAULTS
inline Mutant g_planted = Mutant::none;
inline bool planted(Mutant mutant) { return g_planted == mutant; }
inline void plant(Mutant mutant) { g_planted = mutant; }
#else
constexpr bool planted(Mutant) { return false; }
#endif

}  // namespace tercet
