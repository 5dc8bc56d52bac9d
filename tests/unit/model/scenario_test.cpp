// Which peak and which efficiency a scenario takes from a device.

#include <gtest/gtest.h>

#include <cmath>

#include "rooflaw/core/error.hpp"
#include "rooflaw/model/architecture.hpp"
#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/model/scenario.hpp"
#include "unit/model_json.hpp"

namespace rooflaw::model {
namespace {

using enum ComputeType;

Device device(std::map<ComputeType, double> peaks) {
  Device d;
  d.id = "chip";
  d.bandwidth_bytes_per_s = 100;
  d.peak_flops = std::move(peaks);
  return d;
}
Precision precision(ComputeType matmul, ComputeType attention) {
  Precision p;
  p.id = "mine";
  p.weight_bytes = p.activation_bytes = p.kv_bytes = p.input_bytes = p.head_bytes = 2;
  p.matmul = matmul;
  p.attention = attention;
  return p;
}
const Workload one_token = testing::work(1, 1, 1);

TEST(Scenario, AttentionTypeFallsBackInOrder) {
  const auto type = [](std::map<ComputeType, double> peaks, ComputeType wanted) {
    peaks[int8] = 50;
    return make_scenario(device(std::move(peaks)), precision(int8, wanted), one_token, {})
        .attention_type;
  };
  EXPECT_EQ(fp8, type({{fp8, 1}, {fp16, 2}}, fp8));
  EXPECT_EQ(fp16, type({{fp16, 1}, {bf16, 2}, {fp32, 3}}, fp8));
  EXPECT_EQ(bf16, type({{bf16, 2}, {fp32, 3}}, fp16));
  EXPECT_EQ(fp32, type({{fp32, 3}}, fp16));
  EXPECT_EQ(int8, type({}, fp16));
  EXPECT_EQ(fp32, type({{fp16, 1}, {fp32, 3}}, fp32));
}

TEST(Scenario, PeaksOfTheTwoTypes) {
  const auto s =
      make_scenario(device({{int8, 50}, {fp16, 20}}), precision(int8, fp16), one_token, {});
  EXPECT_DOUBLE_EQ(1.0 / 50, s.rates.s_per_matmul_flop);
  EXPECT_DOUBLE_EQ(1.0 / 20, s.rates.s_per_attention_flop);
  EXPECT_DOUBLE_EQ(1.0 / 100, s.rates.s_per_byte);
  EXPECT_DOUBLE_EQ(1.0 / 100, s.rates.s_per_kv_byte);
  EXPECT_EQ(0, s.rates.layer_overhead_s);
  EXPECT_EQ(Basis::ideal, s.trust.decode.basis);
}

TEST(Scenario, MatmulTypeIsNeverReplaced) {
  EXPECT_THROW(make_scenario(device({{fp16, 20}}), precision(int8, fp16), one_token, {}),
               DomainError);
}

TEST(Scenario, EfficienciesOfThePrecisionReplaceThoseOfAllAsAWhole) {
  Device d = device({{fp16, 20}});
  d.efficiencies["*"] = {.compute = 0.5,
                         .attention = 0.25,
                         .bandwidth = 0.8,
                         .kv_bandwidth = 0.4,
                         .layer_overhead_s = 1e-3,
                         .pass_overhead_s = 2e-3};
  d.efficiencies["other"] = {.compute = 0.1};
  const auto general = make_scenario(d, precision(fp16, fp16), one_token, {});
  EXPECT_EQ(Basis::measured, general.trust.prefill.basis);
  EXPECT_DOUBLE_EQ(1.0 / 10, general.rates.s_per_matmul_flop);
  EXPECT_DOUBLE_EQ(1.0 / 5, general.rates.s_per_attention_flop);
  EXPECT_DOUBLE_EQ(1.0 / 10, general.rates.s_per_vector_flop);
  EXPECT_EQ(2e-3, general.rates.pass_overhead_s);
  EXPECT_DOUBLE_EQ(1.0 / 80, general.rates.s_per_byte);
  EXPECT_DOUBLE_EQ(1.0 / 40, general.rates.s_per_kv_byte);
  EXPECT_EQ(1e-3, general.rates.layer_overhead_s);

  d.efficiencies["mine"] = {.compute = 0.25};  // the rest is ideal, not that of "*"
  const auto own = make_scenario(d, precision(fp16, fp16), one_token, {});
  EXPECT_DOUBLE_EQ(1.0 / 5, own.rates.s_per_matmul_flop);
  EXPECT_DOUBLE_EQ(1.0 / 100, own.rates.s_per_byte);
  EXPECT_DOUBLE_EQ(1.0 / 100, own.rates.s_per_kv_byte);
  EXPECT_EQ(0, own.rates.layer_overhead_s);
}

TEST(Scenario, CalibratedMeansForThisPrecision) {
  Device d = device({{fp16, 20}});
  d.efficiencies["other"] = {.compute = 0.1};
  EXPECT_EQ(Basis::ideal,
            make_scenario(d, precision(fp16, fp16), one_token, {}).trust.decode.basis);
  d.efficiencies["mine"] = {};
  EXPECT_EQ(Basis::measured,
            make_scenario(d, precision(fp16, fp16), one_token, {}).trust.decode.basis);
}

TEST(Scenario, SettingsThatEfficienciesWereFittedWithRule) {
  Device d = device({{fp16, 20}});
  EXPECT_TRUE(make_scenario(d, precision(fp16, fp16), one_token, {}).engine.flash);
  d.fitted_engine = {
      .flash = false, .query_heads = true, .mla_expanded = true, .elementwise = Elementwise::fused};
  const auto s = make_scenario(d, precision(fp16, fp16), one_token, {.prefill_chunk = 512});
  EXPECT_FALSE(s.engine.flash);
  EXPECT_TRUE(s.engine.query_heads);
  EXPECT_TRUE(s.engine.mla_expanded);
  EXPECT_EQ(Elementwise::fused, s.engine.elementwise);
  EXPECT_EQ(512, s.engine.prefill_chunk);
  const Engine bare{.elementwise = Elementwise::ignored};
  EXPECT_EQ(Elementwise::ignored,
            make_scenario(d, precision(fp16, fp16), one_token, bare).engine.elementwise);
}

TEST(TimeBand, IsTheTimesOfThePhasesByTheirFactors) {
  Scenario s = make_scenario(device({{fp16, 20}}), precision(fp16, fp16),
                             {.id = {}, .batch = 1, .input_tokens = 8, .output_tokens = 4}, {});
  Evaluation e;
  e.prefill.seconds = 10;
  e.decode.seconds = 4;
  EXPECT_TRUE(std::isnan(time_band(Objective::total, e, s).low));
  s.trust.decode.band = {0.5, 2.0};
  EXPECT_TRUE(std::isnan(time_band(Objective::total, e, s).high));
  EXPECT_EQ(0.5, time_band(Objective::tpot, e, s).low);
  EXPECT_EQ(2.0, time_band(Objective::tpot, e, s).high);
  s.trust.prefill.band = {0.9, 1.2};
  s.trust.prefill.basis = Basis::prior;
  s.trust.decode.basis = Basis::measured;
  EXPECT_EQ(Basis::prior, basis_of(Objective::total, s));
  EXPECT_EQ(Basis::measured, basis_of(Objective::tpot, s));
  EXPECT_EQ(Basis::prior, basis_of(Objective::prefill, s));
  EXPECT_EQ(9.0 + 2.0, time_band(Objective::total, e, s).low);
  EXPECT_EQ(12.0 + 8.0, time_band(Objective::total, e, s).high);
}

TEST(Names, GoThereAndBack) {
  for (const auto type : all_compute_types) EXPECT_EQ(type, compute_type_from(to_string(type)));
  for (const auto kind : {AttentionKind::gqa, AttentionKind::mla})
    EXPECT_EQ(kind, attention_kind_from(to_string(kind)));
  for (const auto kind : {FfnKind::gated, FfnKind::plain})
    EXPECT_EQ(kind, ffn_kind_from(to_string(kind)));
  EXPECT_FALSE(compute_type_from("FP16"));
  EXPECT_FALSE(attention_kind_from("mha"));
  EXPECT_FALSE(ffn_kind_from(""));
}

}  // namespace
}  // namespace rooflaw::model
