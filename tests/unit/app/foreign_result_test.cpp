// Results that are HDF5 and say they are ours, but are not as this program writes them: inspect and
// export end with a FileError, never with a broken file or a file outside the folder asked for.

#include <filesystem>
#include <functional>

#include <gtest/gtest.h>

#include "rooflaw/app/commands.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/io/result_file.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::app {
namespace {

using testing::TemporaryFolder;

/// A result of one target; `add` writes what lies beside its frontier.
std::string write_result(const TemporaryFolder& folder, const std::string& law,
                         const std::function<void(format::Hdf5Writer&)>& add) {
  format::Hdf5Writer file;
  file.attribute("/", "filetype", std::string("rooflaw-result"));
  file.attribute("/", "format_version",
                 std::vector<std::int64_t>{io::result_format_major, io::result_format_minor});
  file.attribute("/", "job_toml", std::string("[job]\n"));
  file.group("/runtime");
  file.group("/inputs");
  file.column("/targets/id", std::vector<std::string>{"t"}, "");
  const std::string frontier = "/frontiers/" + law + "/t";
  file.column(frontier + "/latency_s", std::vector<double>{1}, "s");
  file.column(frontier + "/loss", std::vector<double>{3}, "");
  file.column(frontier + "/extrapolated", std::vector<std::int64_t>{0}, "");
  file.attribute(frontier, "certified", std::int64_t{1});
  add(file);
  const std::string path = folder.path("result.h5");
  format::write_atomically(path, std::move(file).image());
  return path;
}

TEST(ForeignResult, ThatIsSoundIsRead) {
  const TemporaryFolder folder;
  const std::string path = write_result(folder, "law", [](auto&) {});
  EXPECT_EQ(ExitCode::done, inspect_command({path}));
  EXPECT_EQ(ExitCode::done, export_command({path, "-o", folder.path("csv")}));
  EXPECT_TRUE(std::filesystem::exists(folder.path("csv/frontiers/law/t.csv")));
}

TEST(ForeignResult, WithAnAttributeOfAnotherType) {
  const TemporaryFolder folder;
  const std::string path = write_result(folder, "law", [](auto& file) {
    file.column("/refined/law/t/loss", std::vector<double>{3}, "");
    file.attribute("/refined/law/t", "hypervolume_gain", std::string("much"));
  });
  EXPECT_THROW(inspect_command({path}), FileError);
}

TEST(ForeignResult, WithColumnsOfDifferentLengths) {
  const TemporaryFolder folder;
  const std::string path = write_result(folder, "law", [](auto& file) {
    file.column("/theory/law/t/search_minus_theory_loss", std::vector<double>{0.1}, "");
    file.column("/theory/law/t/binding", std::vector<std::string>{}, "");
  });
  EXPECT_THROW(inspect_command({path}), FileError);
  EXPECT_THROW(export_command({path, "-o", folder.path("csv")}), FileError);
}

TEST(ForeignResult, WhoseGroupsLeadOutOfTheFolder) {
  const TemporaryFolder folder;
  const std::string path = write_result(folder, "..", [](auto&) {});
  EXPECT_THROW(export_command({path, "-o", folder.path("csv")}), FileError);
  EXPECT_FALSE(std::filesystem::exists(folder.path("csv/t.csv")));
}

}  // namespace
}  // namespace rooflaw::app
