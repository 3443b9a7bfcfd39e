#include "control/backend/disk_probe.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "backend/store/file_worker.h"
#include "backend/store/scratch_dir.h"

namespace tercet::control {
namespace {

TEST(DiskProbe, AFolderThatTakesWritesPassesAndNothingIsLeftThere) {
  const store::ScratchDir dir;
  EXPECT_EQ(probe_disk(dir.path(), 1U << 20U, store::try_direct(dir.path()) == 0), "");
  EXPECT_EQ(probe_disk(dir.path(), 0, false), "");
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(DiskProbe, SaysWhatIsMissing) {
  const store::ScratchDir dir;
  EXPECT_NE(probe_disk(dir.path(), uint64_t{1} << 60U, false).find("are wanted"), std::string::npos);
  EXPECT_NE(probe_disk(dir.path() + "/nowhere", 0, false).find("No such file"), std::string::npos);
  std::filesystem::create_directory(dir.path() + "/probe.new");  // nothing can be written there
  EXPECT_NE(probe_disk(dir.path(), 0, false), "");
}

}  // namespace
}  // namespace tercet::control
