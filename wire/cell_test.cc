#include "wire/cell.h"

#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tercet {
namespace {

template <class View>
bool holds(const char* name) {
  const auto bytes = golden::load(name);
  CellView view;
  return parse_cell(bytes, view) == Drop::none && std::holds_alternative<View>(view) &&
         reinterpret_cast<const uint8_t*>(std::get<View>(view).header) == bytes.data();
}

TEST(Cell, EachTypeFindsItsParser) {
  EXPECT_TRUE(holds<AcceptView>("accept"));
  EXPECT_TRUE(holds<VoteView>("vote"));
  EXPECT_TRUE(holds<AnswerView>("answer"));
  EXPECT_TRUE(holds<PrepareView>("prepare"));
  EXPECT_TRUE(holds<PromiseView>("promise"));
  EXPECT_TRUE(holds<RefusedView>("refused"));
  EXPECT_TRUE(holds<AskView>("ask"));
  EXPECT_TRUE(holds<HeardView>("heard"));
  EXPECT_TRUE(holds<KeepaliveView>("keepalive"));
  EXPECT_TRUE(holds<MissingView>("missing"));
  EXPECT_TRUE(holds<EntriesView>("entries"));
  EXPECT_TRUE(holds<HeartbeatView>("heartbeat"));
  EXPECT_TRUE(holds<FetchView>("fetch"));
  EXPECT_TRUE(holds<ChunkView>("chunk"));
}

TEST(Cell, OtherTypesAreDropped) {
  CellView view;
  EXPECT_EQ(parse_cell({}, view), Drop::too_short);
  std::vector<uint8_t> bytes(200);
  for (unsigned type = 0; type < 256; ++type) {
    bytes[0] = static_cast<uint8_t>(type);
    const Drop drop = parse_cell(bytes, view);
    if (type == 0 || type == static_cast<unsigned>(CellMessage::handover) ||
        type > static_cast<unsigned>(CellMessage::fetch)) {
      EXPECT_EQ(drop, Drop::unknown_type) << type;
    } else {
      EXPECT_NE(drop, Drop::none) << type;  // zeros are no message
    }
  }
}

TEST(Cell, LongerThanADatagramIsDropped) {
  auto bytes = golden::load("vote");
  bytes.resize(kCellPlainMax + 1);
  CellView view;
  EXPECT_EQ(parse_cell(bytes, view), Drop::too_long);
}

}  // namespace
}  // namespace tercet
