#include "control/backend/container_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "backend/store/scratch_dir.h"

namespace tercet::control {
namespace {

class ContainerWatchTest : public ::testing::Test {
 protected:
  void put(Slot slot = Slot::two) {
    std::filesystem::remove(path_);
    const auto container = seal::make_container(CellId{7}, slot);
    ASSERT_TRUE(seal::write_container(path_, container).has_value());
    serial_ = container.serial;
  }
  store::ScratchDir dir_;
  std::string path_ = dir_.path() + "/container.json";
  ContainerWatch watch_{path_, CellId{7}, Slot::two};
  std::string serial_;
};

TEST_F(ContainerWatchTest, TellsWhatIsThereAndEveryChangeOnce) {
  auto seen = watch_.look();
  ASSERT_TRUE(seen.has_value());
  EXPECT_TRUE(seen->introduction.empty());
  EXPECT_EQ(seen->fault, "");
  EXPECT_FALSE(watch_.look().has_value());

  put();
  seen = watch_.look();
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->serial, serial_);
  IntroductionView view;
  ASSERT_TRUE(parse_introduction({seen->introduction.data(), seen->introduction.size()}, view));
  EXPECT_EQ(view.serial, serial_);
  EXPECT_FALSE(watch_.look().has_value());

  const std::string before = serial_;
  put();
  seen = watch_.look();
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->serial, serial_);

  std::filesystem::remove(path_);
  seen = watch_.look();
  ASSERT_TRUE(seen.has_value());
  EXPECT_TRUE(seen->introduction.empty());
  EXPECT_EQ(seen->serial, "");
}

TEST_F(ContainerWatchTest, OneOfAnotherSlotIsNotTaken) {
  put(Slot::three);
  const auto seen = watch_.look();
  ASSERT_TRUE(seen.has_value());
  EXPECT_TRUE(seen->introduction.empty());
  EXPECT_NE(seen->fault.find("is the container of b3"), std::string::npos) << seen->fault;
}

TEST_F(ContainerWatchTest, ADamagedOneIsNotTakenAndSaysWhy) {
  put();
  { std::ofstream(path_, std::ios::trunc) << "{}"; }
  const auto seen = watch_.look();
  ASSERT_TRUE(seen.has_value());
  EXPECT_TRUE(seen->introduction.empty());
  EXPECT_NE(seen->fault.find("container.json"), std::string::npos) << seen->fault;
}

}  // namespace
}  // namespace tercet::control
