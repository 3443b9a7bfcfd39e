#include "control/lb/forced_rejoin.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/seal/key_file.h"
#include "wire/seal/order_proof.h"

namespace tercet::control {
namespace {

using nlohmann::json;
using quorum::ForceVerdict;

constexpr CellId kForcedCell{0xC311};
constexpr Incarnation kFresh{0xABCD};

/// b1 has its log up to 40, b2 is a new disk, b3 is silent and was last known at 43.
dataplane::View lost_two() {
  dataplane::View view;
  view.known = true;
  view.role = LbRole::active;
  view.commit = Seq{44};
  view.backends[0].said = {true, kMember, Incarnation{0x11}, false, Seq{40}, Seq{39}};
  view.backends[1].said = {true, kAmnesiac, kFresh, true, Seq{12}, Seq{12}};
  view.backends[2].seq = Seq{43};
  return view;
}

class ForcedRejoinPages : public ::testing::Test {
 protected:
  ForcedRejoinPages() { key_.bytes.fill(3); }
  AdminPage ask(const dataplane::View& view, AdminQuery query) {
    query.emplace("slot", "2");
    return desk().page(view, query);
  }
  ForcedRejoins& desk() {
    if (!desk_) {
      desk_ = std::make_unique<ForcedRejoins>(kForcedCell, key_);
    }
    return *desk_;
  }
  [[nodiscard]] std::string proof(const std::string& words, Incarnation as = kFresh) const {
    return seal::order_proof(key_, order_text(kForcedCell, {Slot::two, as}, words));
  }
  seal::Key key_;
  std::unique_ptr<ForcedRejoins> desk_;
};

TEST_F(ForcedRejoinPages, SaysWhatMayBeLost) {
  const json plan = json::parse(ask(lost_two(), {}).body);
  EXPECT_EQ(plan["possible"], true);
  EXPECT_EQ(plan["survivor"]["name"], "b1");
  EXPECT_EQ(plan["survivor"]["seq"], 40);
  EXPECT_EQ(plan["gone"]["name"], "b3");
  EXPECT_EQ(plan["gone"]["seq"], 43);
  EXPECT_EQ(plan["commit"], 44);
  EXPECT_EQ(plan["words"], "force rejoin b2, lose what only b3 knew");
  EXPECT_EQ(plan["order"], nullptr);
}

TEST_F(ForcedRejoinPages, SaysWhyNot) {
  const auto code = [&](auto change) {
    dataplane::View view = lost_two();
    change(view);
    return json::parse(ask(view, {}).body)["code"].get<std::string>();
  };
  EXPECT_EQ(code([](dataplane::View& v) { v.serving = true; }), "not_needed");
  EXPECT_EQ(code([](dataplane::View& v) {
              v.role = LbRole::standby;
              v.peer_heard = true;
              v.peer_role = LbRole::active;
            }),
            "standby");
  EXPECT_EQ(code([](dataplane::View& v) { v.backends[0].said.answered = false; }), "no_survivor");
  EXPECT_EQ(code([](dataplane::View& v) { v.backends[1].said.answered = false; }), "not_asking");
  for (int i = 0; i <= static_cast<int>(ForceVerdict::no_answer); ++i) {
    ForcePlan plan;
    plan.verdict = static_cast<ForceVerdict>(i);
    EXPECT_EQ(reason_of(plan).empty(), plan.verdict == ForceVerdict::may) << i;
  }
  EXPECT_EQ(desk().page(lost_two(), {{"slot", "4"}}).status, 400);
  EXPECT_EQ(desk().page(lost_two(), {}).status, 400);
}

TEST_F(ForcedRejoinPages, TakesAnOrderOfWhoHasTheKeyForThisDiskOnly) {
  const std::string words = words_of(Slot::two, Slot::three);
  const std::string incarnation = seal::text_of(CellId{kFresh.value});
  const dataplane::View view = lost_two();
  EXPECT_EQ(ask(view, {{"incarnation", incarnation}, {"proof", proof("yes")}}).status, 403);
  EXPECT_EQ(ask(view, {{"incarnation", incarnation}, {"proof", proof(words, Incarnation{0x99})}}).status,
            403);
  EXPECT_EQ(ask(view, {{"incarnation", "0000000000000099"}, {"proof", proof(words)}}).status, 409);
  dataplane::View serves = view;
  serves.serving = true;
  EXPECT_EQ(ask(serves, {{"incarnation", incarnation}, {"proof", proof(words)}}).status, 409);
  EXPECT_FALSE(desk().take());
  const AdminPage taken = ask(view, {{"incarnation", incarnation}, {"proof", proof(words)}});
  EXPECT_EQ(taken.status, 202);
  const auto command = desk().take();
  ASSERT_TRUE(command);
  EXPECT_EQ(command->kind, dataplane::Command::Kind::force);
  EXPECT_EQ(command->slot, Slot::two);
  EXPECT_EQ(command->incarnation, kFresh);
  EXPECT_EQ(json::parse(taken.body)["token"], command->token);
  EXPECT_FALSE(desk().take()) << "once";
}

TEST_F(ForcedRejoinPages, ShowsWhatBecameOfIt) {
  dataplane::View view = lost_two();
  view.forced.phase = quorum::Proposer::Forced::Phase::refused;
  view.forced.verdict = ForceVerdict::knows_more;
  view.forced.order = {Slot::two, kFresh};
  view.forced_token = 7;
  const json order = json::parse(ask(view, {}).body)["order"];
  EXPECT_EQ(order["phase"], "refused");
  EXPECT_EQ(order["code"], "knows_more");
  EXPECT_EQ(order["token"], 7);
}

}  // namespace
}  // namespace tercet::control
