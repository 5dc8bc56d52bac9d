// What is said of a frontier, on rows made by hand.

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/app/summary.hpp"
#include "rooflaw/core/numbers.hpp"
#include "unit/model_json.hpp"

namespace rooflaw::testing {
namespace {

using search::Row;
using ::testing::HasSubstr;
using ::testing::Not;

Row row(double latency, double loss, std::int64_t layers, std::int64_t experts, std::int64_t top_k,
        double ffn_ratio, bool extrapolated) {
  Row r;
  r.objective = r.latency_s = latency;
  r.loss = loss;
  r.ffn_ratio = ffn_ratio;
  r.extrapolated = extrapolated;
  r.layers = layers;
  r.experts = experts;
  r.top_k = top_k;
  return r;
}

TEST(Summarize, SharesAndEnds) {
  const auto s =
      app::summarize({row(0.01, 4.0, 4, 1, 1, 0.5, false), row(0.02, 3.5, 19, 8, 1, 0.99, false),
                      row(0.04, 3.2, 20, 16, 2, 1.0, true), row(0.08, 3.0, 32, 64, 2, 3.0, true)});
  EXPECT_EQ(4u, s.size);
  EXPECT_EQ(0.01, s.least_objective);
  EXPECT_EQ(0.08, s.largest_objective);
  EXPECT_EQ(3.0, s.least_loss);
  EXPECT_EQ(4.0, s.largest_loss);
  EXPECT_EQ(0.75, s.moe);
  EXPECT_EQ(0.5, s.top_1);
  EXPECT_EQ(0.5, s.shallow);     // fewer than 20
  EXPECT_EQ(0.5, s.narrow_ffn);  // below 1
  EXPECT_EQ(0.5, s.extrapolated);
  EXPECT_EQ(12, s.median_experts);
}

TEST(Summarize, OddNumbersAndNone) {
  const auto s = app::summarize(
      {row(1, 3, 4, 64, 1, 1, false), row(2, 2, 4, 1, 1, 1, false), row(3, 1, 4, 8, 1, 1, false)});
  EXPECT_EQ(8, s.median_experts);
  EXPECT_EQ(1, s.shallow);
  EXPECT_EQ(0, s.narrow_ffn);
  const auto none = app::summarize({});
  EXPECT_EQ(0u, none.size);
  EXPECT_EQ(0, none.moe);
}

io::Loaded<io::ModelEntry> model_entry(const std::string& id, std::int64_t layers) {
  io::ModelEntry entry;
  entry.id = entry.name = id;
  static_cast<model::Layers&>(entry.architecture) = {
      .layers = layers, .heads = 16, .head_dim = 64, .kv_heads = 4, .expert_ffn = 4096};
  entry.architecture.width = 1024;
  entry.architecture.vocab = 32000;
  return {entry, {}};
}

class CompareModels : public ::testing::Test {
 protected:
  CompareModels() {
    model::Device device;
    device.bandwidth_bytes_per_s = 1e11;
    device.peak_flops = {{model::ComputeType::fp16, 1e13}};
    model::Precision fp16;
    fp16.weight_bytes = fp16.activation_bytes = fp16.kv_bytes = fp16.input_bytes = fp16.head_bytes =
        2;
    scenario_ = model::make_scenario(
        device, fp16, {.id = "w", .batch = 1, .input_tokens = 64, .output_tokens = 8}, {});
    const auto e = model::evaluate(law_, models_[0].value.architecture, scenario_);
    latency_ = e.tpot_s;
    loss_ = e.loss;
    memory_ = e.memory.total();
  }
  std::vector<app::Comparison> compare(const std::vector<Row>& rows) const {
    search::TargetResult result{.target = {.id = "t", .objective = model::Objective::tpot}};
    result.rows = rows;
    return app::compare_models(result, models_, law_, {scenario_, limits_});
  }
  static Row at(double latency, double loss) { return row(latency, loss, 8, 1, 1, 1, false); }

  model::Law law_ = published_law();
  model::Scenario scenario_;
  std::vector<io::Loaded<io::ModelEntry>> models_{model_entry("public", 16)};
  model::Limits limits_;
  double latency_ = 0, loss_ = 0, memory_ = 0;
};

TEST_F(CompareModels, TheBestPointThatIsNoSlower) {
  const std::vector<Row> rows{at(0.5 * latency_, loss_ + 0.3), at(0.9 * latency_, loss_ - 0.1),
                              at(1.1 * latency_, loss_ - 0.5)};
  const auto list = compare(rows);
  ASSERT_EQ(1u, list.size());
  EXPECT_EQ("public", list[0].model);
  EXPECT_EQ(loss_, list[0].model_loss);
  EXPECT_EQ(latency_, list[0].objective);
  EXPECT_TRUE(list[0].missed.empty());
  EXPECT_EQ(loss_ - 0.1, list[0].best_loss);
  EXPECT_NEAR(std::exp(-0.1) - 1, list[0].perplexity_change, 1e-12);
}

TEST_F(CompareModels, APointOfEqualLatencyCounts) {
  EXPECT_EQ(3.0, compare({at(0.5 * latency_, 4.0), at(latency_, 3.0)})[0].best_loss);
}

TEST_F(CompareModels, NoneAsFast) {
  EXPECT_TRUE(std::isnan(compare({at(1.1 * latency_, 1.0)})[0].best_loss));
  EXPECT_TRUE(std::isnan(compare({})[0].best_loss));
  EXPECT_TRUE(std::isnan(compare({})[0].perplexity_change));
}

TEST_F(CompareModels, MeetsLimitsWithEqualityAndNamesThoseItMisses) {
  using model::Objective;
  limits_.set(Objective::memory, memory_);
  limits_.set(Objective::tpot, latency_);
  EXPECT_TRUE(compare({})[0].missed.empty());
  limits_.set(Objective::memory, std::nextafter(memory_, 0.0));
  EXPECT_EQ(std::vector{Objective::memory}, compare({})[0].missed);
  limits_.set(Objective::tpot, 0.5 * latency_);
  EXPECT_EQ((std::vector{Objective::tpot, Objective::memory}), compare({})[0].missed);
}

TEST_F(CompareModels, LeavesOutWhatTheLawOrTheArchitectureDoesNotCover) {
  models_.push_back(model_entry("too-deep", 40));
  models_.push_back(model_entry("hybrid", 16));
  models_.back().value.not_expressible = "sliding windows";
  models_.push_back(model_entry("another", 24));
  const auto list = compare({});
  ASSERT_EQ(2u, list.size());
  EXPECT_EQ("public", list[0].model);
  EXPECT_EQ("another", list[1].model);
  EXPECT_EQ(
      "not compared, no architecture here expresses them: hybrid\n"
      "not compared, the law extrapolates: too-deep\n",
      app::models_left_out(models_, law_));
}

search::TargetResult result_of(double gap_bound) {
  search::TargetResult result{.target = {.id = "chip.fp16.work.tpot"}};
  result.rows = {row(0.01, 4.0, 4, 1, 1, 0.5, false), row(0.02, 3.5, 19, 8, 1, 0.99, true)};
  result.loss_gap_bound = gap_bound;
  result.certified = gap_bound == 0;
  return result;
}

TEST(TargetSummary, SaysHowSureTheFrontierIs) {
  const auto says = [](const search::TargetResult& result, const char* strategy) {
    return app::target_summary(result, strategy, {});
  };
  EXPECT_THAT(says(result_of(0), "exact"),
              HasSubstr("frontier 2 points (all there are), loss 3.5"));
  EXPECT_THAT(says(result_of(0.01), "exact"),
              HasSubstr("none of the space is better by 0.01 nats"));
  EXPECT_THAT(says(result_of(nan), "plas"), HasSubstr("(found by plas)"));
  EXPECT_THAT(says(result_of(nan), "sample"), HasSubstr("(of those sampled)"));
  auto measured = result_of(0.02);
  measured.hypervolume_share = 0.99;
  EXPECT_THAT(
      says(measured, "plas"),
      HasSubstr("found by plas, 99.0000 % of the true hypervolume, at most 0.02 nats above"));
  EXPECT_THAT(says(measured, "plas"), Not(HasSubstr("refined")));
  measured.refined = {{row(0.015, 3.6, 8, 12, 1, 1, true)}, 0.005};
  EXPECT_THAT(says(measured, "plas"),
              HasSubstr("refined: 1 more points between those of the space, hypervolume +0.50 %, "
                        "law extrapolates 100.0 %"));
  EXPECT_THAT(says({}, "exact"), HasSubstr("no architecture of the space meets the limits"));
}

TEST(TrustNotes, NameTheDevicesOnce) {
  search::TargetInfo sound{.device = "measured",
                           .precision = "int8",
                           .calibrated = true,
                           .efficiency = model::Basis::measured};
  sound.attention_type = model::ComputeType::fp16;
  sound.device_confidence = "datasheet";
  auto estimate = sound;
  estimate.device = "guessed";
  estimate.calibrated = false;
  estimate.efficiency = model::Basis::ideal;
  estimate.device_confidence = "estimate";
  model::Precision int8;
  int8.id = "int8";
  int8.attention = model::ComputeType::fp16;
  EXPECT_EQ("", app::trust_notes({sound}, {int8}));
  EXPECT_EQ(
      "note: latencies are the data-sheet roofline, a lower bound (no calibrated efficiency): "
      "guessed\nnote: the chip's numbers are estimates: guessed\n",
      app::trust_notes({sound, estimate, estimate}, {int8}));
  auto likes = sound;
  likes.device = "like others";
  likes.efficiency = model::Basis::prior;
  EXPECT_EQ(
      "note: not measured, efficiencies are those of chips of the same class: like others int8 "
      "prefill\n",
      app::trust_notes({sound, likes}, {int8}));
  int8.attention = model::ComputeType::bf16;
  EXPECT_EQ(
      "note: attention runs in another type than the precision asks for: measured (fp16 for "
      "bf16)\n",
      app::trust_notes({sound}, {int8}));
}

}  // namespace
}  // namespace rooflaw::testing
