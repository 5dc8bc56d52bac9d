// Results that are HDF5 and say they are ours, but are not as this program writes them: inspect and
// export end with the code of a file error, never with a broken file or a file outside the folder asked for.

#include <filesystem>

#include <gtest/gtest.h>

#include "rooflaw/app/commands.hpp"
#include "unit/io/small_result.hpp"

namespace rooflaw::testing {
namespace {

class ForeignResult : public ::testing::Test {
 protected:
  ExitCode inspect() const { return app::inspect_command({write_parts(folder_, parts_)}); }
  ExitCode export_csv() const {
    return app::export_command({write_parts(folder_, parts_), "-o", folder_.path("csv")});
  }
  static std::string group(const std::string& kind) {
    return "/" + kind + "/codesign-2026/jetson-agx-orin-64gb.fp16.vla.tpot";
  }

  TemporaryFolder folder_;
  ResultParts parts_ = small_result(folder_);
};

TEST_F(ForeignResult, ThatIsSoundIsRead) {
  EXPECT_EQ(ExitCode::done, inspect());
  EXPECT_EQ(ExitCode::done, export_csv());
  EXPECT_TRUE(std::filesystem::exists(folder_.path("csv" + group("frontiers") + ".csv")));
}

TEST_F(ForeignResult, WithAnAttributeOfAnotherType) {
  parts_.attributes[{group("refined"), "hypervolume_gain"}] = std::string("much");
  EXPECT_EQ(ExitCode::file_error, inspect());
}

TEST_F(ForeignResult, WithColumnsOfDifferentLengths) {
  parts_.columns[group("theory") + "/binding"] = std::vector<std::string>{};
  EXPECT_EQ(ExitCode::file_error, inspect());
  EXPECT_EQ(ExitCode::file_error, export_csv());
}

TEST_F(ForeignResult, WhoseGroupsLeadOutOfTheFolder) {
  parts_.columns["/frontiers/../t/loss"] = std::vector<double>{};
  EXPECT_EQ(ExitCode::file_error, export_csv());
  EXPECT_FALSE(std::filesystem::exists(folder_.path("csv/t.csv")));
}

}  // namespace
}  // namespace rooflaw::testing
