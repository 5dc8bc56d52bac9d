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

const std::string header =
    "device,engine,model,precision,phase,output_tokens,weights_gib,tokens_per_second,doubt\n";

TEST(Measurements, AModelMayBeAConfigBesideTheFile) {
  auto files =
      with_inputs({{"mine/a.csv", header + "raspberry-pi-5,x,config.json,Q8_0,decode,64,,9,\n"},
                   {"mine/config.json",
                    R"({"model_type": "llama", "vocab_size": 1000, "hidden_size": 512,
                                 "intermediate_size": 1536, "num_hidden_layers": 4,
                                 "num_attention_heads": 8, "tie_word_embeddings": true})"}});
  format::Faults faults;
  const auto all = read_measurements({"mine/a.csv"}, {}, files, faults);
  faults.throw_if_any();
  ASSERT_EQ(1u, all.rows.size());
  EXPECT_EQ("config.json", all.rows[0].model);
  EXPECT_EQ(512, all.models.at("config.json").width);
  EXPECT_EQ("q8_0", all.rows[0].precision.id);
}

TEST(Measurements, RowsWithADoubtAreReadLikeOthers) {
  const auto all =
      read_texts({{"a.csv", header + "raspberry-pi-5,x,qwen3-0.6b,q8_0,decode,64,,9,hot\n"}});
  ASSERT_EQ(1u, all.rows.size());
  EXPECT_EQ("hot", all.rows[0].doubt);
}

TEST(Measurements, AnUnknownFormatGoesByTheSizeAndWithoutOneTheRowIsLeftOut) {
  const auto all =
      read_texts({{"a.csv", header + "raspberry-pi-5,x,qwen3-0.6b,,decode,64,1.0,9,\n" +
                                "raspberry-pi-5,x,qwen3-0.6b,,decode,64,,9,\n"}});
  ASSERT_EQ(1u, all.rows.size());
  EXPECT_EQ("unknown", all.rows[0].precision.id);
  EXPECT_NEAR(1073741824.0, weight_bytes(all.models.at("qwen3-0.6b"), all.rows[0].precision), 1);
  ASSERT_EQ(1u, all.left_out.size());
  EXPECT_EQ("a.csv:3", all.left_out[0].place);
  EXPECT_EQ("neither the format of the weights nor their size is known", all.left_out[0].reason);
}

TEST(Measurements, ADeviceWithoutTheRateOfTheFormatLeavesTheRowOut) {
  const auto all =
      read_texts({{"a.csv", header + "raspberry-pi-5,x,qwen3-0.6b,fp4,decode,64,,9,\n"}});
  ASSERT_EQ(1u, all.left_out.size());
  EXPECT_EQ("raspberry-pi-5 has no rate for fp4 products", all.left_out[0].reason);
}

}  // namespace
}  // namespace rooflaw::io
