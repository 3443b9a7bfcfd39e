#include "control/lb/status_document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

using nlohmann::json;

/// lb1 active at 120, b3 a little behind.
dataplane::View active_view() {
  dataplane::View view;
  view.known = true;
  view.self = ServerId::lb1;
  view.role = LbRole::active;
  view.epoch = make_epoch(3, ServerId::lb1);
  view.commit = Seq{120};
  view.serving = true;
  view.peer_heard = true;
  view.digest_seq = Seq{118};
  for (const Slot slot : kSlots) {
    dataplane::BackendView& b = view.backends[index(slot)];
    b.state = quorum::BackendState::voting;
    b.incarnation = Incarnation{0xABCU + index(slot)};
    b.seq = Seq{slot == Slot::three ? 118U : 120U};
    b.digest = 0x0123456789ABCDEFU;
  }
  view.backends[1].state = quorum::BackendState::catching_up;
  view.backends[1].seq = Seq{};
  view.backends[1].pulled_to = Seq{75};
  view.outvoted.push_back({WallTime{1'700'000'000'000}, Slot::two, Seq{77}});
  return view;
}

json document_of(const dataplane::View& view, std::vector<failover::Receipt> receipts = {}) {
  return json::parse(
      status_json({CellId{1}, &view, true, "uring", std::move(receipts), WallTime{1'700'000'000'000}}));
}

TEST(StatusDocument, OfTheActiveLbHasWhatScriptsRelyOn) {
  const json d = document_of(active_view(), {{.cause = failover::Cause::killed,
                                              .at = WallTime{1'700'000'000'000},
                                              .gap = milliseconds(31),
                                              .epoch_before = Epoch{9},
                                              .epoch_after = Epoch{13}}});
  EXPECT_EQ(d["active"], "lb1");
  EXPECT_EQ(d["epoch"], 13);
  EXPECT_EQ(d["commit"], 120);
  EXPECT_EQ(d["serving"], true);
  EXPECT_EQ(d["lbs"], json::parse(R"([{"name":"lb1","role":"active"},{"name":"lb2","role":"standby"}])"));
  ASSERT_EQ(d["backends"].size(), 3U);
  EXPECT_EQ(d["backends"][0]["name"], "b1");
  EXPECT_EQ(d["backends"][0]["slot"], 1);
  EXPECT_EQ(d["backends"][0]["state"], "voting");
  EXPECT_EQ(d["backends"][1]["state"], "catching-up");
  EXPECT_EQ(d["backends"][1]["progress"], 62) << "75 of 120";
  EXPECT_TRUE(d["backends"][0]["progress"].is_null());
  EXPECT_EQ(d["backends"][0]["incarnation"], "0000000000000abc");
  EXPECT_EQ(d["backends"][0]["digest"], "0123456789abcdef");
  EXPECT_EQ(d["backends"][0]["lag"], 0);
  EXPECT_EQ(d["backends"][2]["seq"], 118);
  EXPECT_EQ(d["backends"][2]["lag"], 2);
  EXPECT_EQ(d["outvoted"], json::parse(R"([{"at":"2023-11-14T22:13:20.000Z","slot":2,"seq":77}])"));
  EXPECT_EQ(d["failovers"][0]["cause"], "killed");
  EXPECT_EQ(d["failovers"][0]["gap_ms"], 31);
  EXPECT_EQ(d["failovers"][0]["epoch_before"], 9);
  EXPECT_EQ(d["failovers"][0]["epoch_after"], 13);
}

TEST(StatusDocument, OfAStandbyNamesTheActiveOneAndClaimsNothingOfBackends) {
  dataplane::View view = active_view();
  view.role = LbRole::standby;
  view.peer_commit = Seq{130};
  view.peer_serving = true;
  view.self = ServerId::lb2;
  view.peer_role = LbRole::active;
  view.peer_epoch = Epoch{13};
  json d = document_of(view);
  EXPECT_EQ(d["active"], "lb1");
  EXPECT_EQ(d["epoch"], 13);
  EXPECT_EQ(d["serving"], true) << "by the active one's own word";
  EXPECT_EQ(d["commit"], 130);
  EXPECT_TRUE(d["backends"].empty());
  view.peer_serving = false;
  EXPECT_EQ(document_of(view)["serving"], false);
  view.peer_heard = false;
  view.peer_serving = true;
  d = document_of(view);
  EXPECT_EQ(d["serving"], false);
  EXPECT_TRUE(d["active"].is_null());
  EXPECT_EQ(d["lbs"][0]["role"], "down");
}

TEST(StatusDocument, OfAStandbyTellsWhatBackendsSaidWhileNobodyIsActive) {
  dataplane::View view = active_view();
  view.role = LbRole::standby;
  view.peer_heard = true;
  for (dataplane::BackendView& b : view.backends) {
    b.state = quorum::BackendState::down;  // nobody has asked for a quarter of a second
    b.heard = true;
    b.heard_ago = milliseconds(300);
    b.told = quorum::BackendState::amnesiac;
    b.pulled_to = Seq{75};
  }
  view.backends[0].told = quorum::BackendState::stopped;
  view.backends[0].stop = StopReason::disk_full;
  view.backends[0].pulled_to = Seq{120};
  view.backends[2].heard_ago = seconds(3);
  json d = document_of(view);
  EXPECT_TRUE(d["active"].is_null());
  EXPECT_EQ(d["serving"], false);
  ASSERT_EQ(d["backends"].size(), 3U);
  EXPECT_EQ(d["backends"][0]["state"], "stopped");
  EXPECT_EQ(d["backends"][0]["reason"], "disk full");
  EXPECT_EQ(d["backends"][0]["seq"], 120);
  EXPECT_EQ(d["backends"][0]["heard_ms_ago"], 300);
  EXPECT_EQ(d["backends"][1]["state"], "amnesiac");
  EXPECT_EQ(d["backends"][1]["lag"], 45);
  EXPECT_TRUE(d["backends"][1]["digest"].is_null());
  EXPECT_EQ(d["backends"][2]["state"], "down") << "silent for three seconds";
  view.backends[2].heard = false;
  EXPECT_TRUE(document_of(view)["backends"][2]["heard_ms_ago"].is_null());
  EXPECT_EQ(document_of(view)["backends"][0].size(), document_of(active_view())["backends"][0].size())
      << "the same keys as from an active one";
}

TEST(StatusDocument, WhatIsNotKnownIsNull) {
  dataplane::View view = active_view();
  view.backends[0].digest.reset();
  view.backends[0].incarnation = {};
  view.backends[0].seq = Seq{130};  // ahead of what is decided
  const json d = document_of(view);
  EXPECT_TRUE(d["backends"][0]["digest"].is_null());
  EXPECT_TRUE(d["backends"][0]["incarnation"].is_null());
  EXPECT_EQ(d["backends"][0]["lag"], 0);
}

TEST(StatusDocument, StaysWithinItsBoundWhateverHappened) {
  dataplane::View view = active_view();
  while (!view.outvoted.full()) {
    view.outvoted.push_back({WallTime{INT64_MAX / 2'000'000}, Slot::three, Seq{kSeqMax}});
  }
  for (dataplane::BackendView& b : view.backends) {
    b.seq = Seq{kSeqMax};
    b.rtt = seconds(1'000'000);
  }
  view.epoch = Epoch{UINT64_MAX};
  const failover::Receipt receipt{.cause = failover::Cause::stray_prepare,
                                  .at = WallTime{INT64_MAX / 2'000'000},
                                  .gap = seconds(1'000'000),
                                  .epoch_before = Epoch{UINT64_MAX},
                                  .epoch_after = Epoch{UINT64_MAX},
                                  .entries_recovered = UINT64_MAX,
                                  .announcements = UINT32_MAX};
  const std::string text =
      status_json({CellId{UINT64_MAX}, &view, false, "uring", std::vector(64, receipt), WallTime{}});
  auto document = std::make_unique<dataplane::StatusDocument>();
  ASSERT_LE(text.size(), document->text.size());
  EXPECT_EQ(json::parse(text)["failovers"].size(), kStatusReceiptsMax);
  write_document(text, 7, *document);
  EXPECT_EQ(document->version, 7U);
  EXPECT_EQ(std::string(document->text.data(), document->size), text);
}

}  // namespace
}  // namespace tercet::control
