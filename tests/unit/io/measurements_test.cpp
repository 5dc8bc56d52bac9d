// The table of measurements that comes with the program, and CSV files of users in its columns.

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measured_text.hpp"

namespace rooflaw::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Measurements& shipped() {
  static const Measurements all = [] {
    SourceFiles files;
    format::Faults faults;
    auto read = read_measurements({std::string(ROOFLAW_SOURCE_DIR) + "/inputs/measured.csv"}, {},
                                  files, faults);
    faults.throw_if_any();
    return read;
  }();
  return all;
}

template <class List>
std::size_t undoubted(const List& list) {
  return static_cast<std::size_t>(
      std::count_if(list.begin(), list.end(), [](const auto& row) { return row.doubt.empty(); }));
}

TEST(ShippedMeasurements, MostRowsWithoutDoubtAreUsable) {
  const std::size_t usable = undoubted(shipped().rows);
  const std::size_t lost = undoubted(shipped().left_out);
  EXPECT_EQ(1393u, usable + lost);
  EXPECT_EQ(1351u, usable);
  EXPECT_EQ(1756u, shipped().rows.size() + shipped().left_out.size());
}

TEST(ShippedMeasurements, TheRestIsCountedByReason) {
  std::map<std::string, int> reasons;
  for (const auto& row : shipped().left_out)
    if (row.doubt.empty()) ++reasons[row.reason];
  const std::string nowhere = " is in neither models.toml nor a config.json";
  const std::map<std::string, int> expected{{"the architecture cannot express gemma-3n-e2b", 10},
                                            {"the architecture cannot express gemma-3n-e4b", 4},
                                            {"the shape of deepseek-v4-flash" + nowhere, 10},
                                            {"the shape of gemma-4-e2b" + nowhere, 7},
                                            {"the shape of telechat2-3b" + nowhere, 7},
                                            {"the shape of indus-1b" + nowhere, 2},
                                            {"the shape of plamo-1b" + nowhere, 2}};
  EXPECT_EQ(expected, reasons);
}

TEST(ShippedMeasurements, EveryRowHasItsModelAndDevice) {
  for (const auto& row : shipped().rows) {
    SCOPED_TRACE(row.place);
    EXPECT_TRUE(shipped().models.contains(row.model));
    ASSERT_TRUE(shipped().devices.contains(row.device));
    EXPECT_TRUE(shipped().devices.at(row.device).peak_flops.contains(row.precision.matmul));
    EXPECT_GT(row.tokens_per_second, 0);
    EXPECT_FALSE(row.engine.empty());
    EXPECT_GT(row.precision.weight_bytes, 0.1);
    EXPECT_LT(row.precision.weight_bytes, 2.1);
  }
}

TEST(ShippedMeasurements, WhereASizeIsPrintedTheBytesAddUpToIt) {
  std::map<std::string, double> off;  // a tied table that stands twice in the file
  std::size_t sized = 0;
  for (const auto& row : shipped().rows) {
    if (!row.weights_bytes) continue;
    ++sized;
    const auto& a = shipped().models.at(row.model);
    const double ratio = weight_bytes(a, row.precision) / *row.weights_bytes;
    if (std::abs(ratio - 1) > 1e-9) off[row.model + " " + row.precision.id] = ratio;
  }
  EXPECT_GT(sized, 500u);
  std::vector<std::string> twice;
  for (const auto& [name, ratio] : off) {
    twice.push_back(name);
    EXPECT_LT(ratio, 1) << name;
    EXPECT_GT(ratio, 0.7) << name;
  }
  EXPECT_THAT(twice, ElementsAre("llama-3.2-1b executorch-w4a8-g32",
                                 "llama-3.2-3b executorch-w4a8-g32", "qwen3-1.7b fp16"));
}

}  // namespace
}  // namespace rooflaw::io
