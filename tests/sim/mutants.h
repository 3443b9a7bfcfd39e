#pragma once
// The planted bugs by name.

#include <array>
#include <string_view>
#include <utility>

#include "base/mutant.h"

namespace tercet::sim {

inline constexpr std::array<std::pair<std::string_view, Mutant>, 25> kMutants{{
    {"vote_before_durable", Mutant::vote_before_durable},
    {"promise_before_durable", Mutant::promise_before_durable},
    {"choose_highest_seq_without_epoch", Mutant::choose_highest_seq_without_epoch},
    {"shorter_accept_cuts", Mutant::shorter_accept_cuts},
    {"old_epoch_decided_by_copies", Mutant::old_epoch_decided_by_copies},
    {"duplicate_answered_twice", Mutant::duplicate_answered_twice},
    {"genesis_from_two_empty_promises", Mutant::genesis_from_two_empty_promises},
    {"answer_on_equal_s_one_result", Mutant::answer_on_equal_s_one_result},
    {"heard_without_fit", Mutant::heard_without_fit},
    {"rebuild_drops_the_log", Mutant::rebuild_drops_the_log},
    {"commit_of_another_log", Mutant::commit_of_another_log},
    {"relayed_state", Mutant::relayed_state},
    {"pause_made_up_for", Mutant::pause_made_up_for},
    {"torn_called_corrupt", Mutant::torn_called_corrupt},
    {"corrupt_called_torn", Mutant::corrupt_called_torn},
    {"failed_write_counts", Mutant::failed_write_counts},
    {"expired_is_forgotten", Mutant::expired_is_forgotten},
    {"denied_is_forgotten", Mutant::denied_is_forgotten},
    {"released_first_is_forgotten", Mutant::released_first_is_forgotten},
    {"unmeasured_image", Mutant::unmeasured_image},
    {"unfinished_image", Mutant::unfinished_image},
    {"former_life_counts", Mutant::former_life_counts},
    {"not_admitted_counts", Mutant::not_admitted_counts},
    {"admitted_without_promise", Mutant::admitted_without_promise},
    {"grant_with_one_constituent", Mutant::grant_with_one_constituent},
}};

inline Mutant mutant_named(std::string_view name) {
  for (const auto& [known, mutant] : kMutants) {
    if (known == name) {
      return mutant;
    }
  }
  return Mutant::none;
}

}  // namespace tercet::sim
