// Nothing on the polling path allocates after start-up: whole loops of a load balancer and of three license
// servers, with real keys, under checkouts, renewals, releases, reads, repeats and denials.

#include <gtest/gtest.h>

#include "tests/servers/cell_rig.h"

namespace tercet::tests {

namespace {

Code code_of(const std::optional<OpResult>& result) {
  return result ? static_cast<Code>(result->code) : Code::unavailable;
}

/// With one polling thread in each server, and with several.
class ServersAllocations : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(SteeringThreads, ServersAllocations, testing::Values(0U, 1U, 2U));

TEST_P(ServersAllocations, NoneWhileTheCellServes) {
  CellRig cell(1, GetParam());
  ASSERT_TRUE(cell.run_until_serving());
  cell.import(30);
  if (HasFatalFailure()) {
    return;
  }
  cell.forget_allocations();
  const CheckoutBody checkout = CellRig::checkout();
  const RenewBody renew{};
  const ReadBody read{};
  unsigned granted = 0;
  for (uint64_t i = 1; i <= 40; ++i) {
    const Handle handle = CellRig::handle(i);
    granted += code_of(cell.ask(OpKind::checkout, handle, 1, bytes_of(checkout))) == Code::granted ? 1U : 0U;
    cell.ask(OpKind::checkout, handle, 1, bytes_of(checkout));  // a repeat
    cell.ask(OpKind::renew, handle, 2, bytes_of(renew));
    cell.ask(OpKind::read_leases, handle, 3, bytes_of(read));
    if (i % 4 == 0) {
      cell.ask(OpKind::release, handle, 4, {});
    }
  }
  cell.run(seconds(2));  // idle: ticks, heartbeats, keep-alives
  EXPECT_GE(granted, 30U);
  EXPECT_EQ(cell.lb_allocations(), 0U);
  EXPECT_EQ(cell.backend_allocations(), 0U);
}

TEST_P(ServersAllocations, NoneWhileABackendIsAway) {
  CellRig cell(2, GetParam());
  ASSERT_TRUE(cell.run_until_serving());
  cell.import(30);
  if (HasFatalFailure()) {
    return;
  }
  cell.forget_allocations();
  const Endpoint b3 = parse_endpoint("198.18.0.5:8210").value();
  cell.wire().intercept([&cell, b3](const Endpoint& from, const Endpoint& to, Bytes bytes) {
    if (from != b3 && to != b3) {
      cell.wire().deliver(from, to, bytes);
    }
  });
  const CheckoutBody checkout = CellRig::checkout();
  for (uint64_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(code_of(cell.ask(OpKind::checkout, CellRig::handle(i), 1, bytes_of(checkout))), Code::granted);
  }
  cell.run(seconds(1));
  cell.wire().intercept({});
  for (uint64_t i = 6; i <= 10; ++i) {
    EXPECT_EQ(code_of(cell.ask(OpKind::checkout, CellRig::handle(i), 1, bytes_of(checkout))), Code::granted);
  }
  cell.run(seconds(1));
  EXPECT_EQ(cell.replica(Slot::three).view().last, cell.balancer(ServerId::lb1).proposer().commit())
      << "it caught up";
  EXPECT_EQ(cell.lb_allocations(), 0U);
  EXPECT_EQ(cell.backend_allocations(), 0U);
}

}  // namespace
}  // namespace tercet::tests
