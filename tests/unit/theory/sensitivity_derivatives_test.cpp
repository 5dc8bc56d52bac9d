// The derivatives against central differences of a plain evaluation.

#include <gtest/gtest.h>

#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/theory/sensitivity.hpp"
#include "theory_test_support.hpp"

namespace rooflaw::theory {
namespace {

using model::Objective;
using model::Phase;
using testing::all_kinds;
using testing::golden;
using testing::golden_architecture;
using testing::golden_scenario;
using testing::published_law;
using testing::Random;

using Continuous = model::ContinuousArchitecture<double>;

/// The quantities that the derivatives are taken in, and a plain evaluation at changed ones: sizes
/// written out from their definitions, times from the model in plain doubles.
struct Coordinates {
  double layers, width, ffn_ratio, kv_dim;
};

Coordinates coordinates(const Continuous& a) {
  const auto& [layers, attention, ffn] = a.groups.front();
  return {layers, attention.width, ffn.ffn_ratio(), attention.kv_dim()};
}

Continuous moved(Continuous a, const Coordinates& x) {
  auto& [layers, attention, ffn] = a.groups.front();
  const double matrices = ffn.kind == model::FfnKind::gated ? 3 : 2;
  layers = x.layers;
  attention.heads *= x.width / attention.width;
  attention.width = ffn.width = x.width;
  ffn.expert_ffn = (3 * x.ffn_ratio * x.width / matrices - ffn.shared_ffn) / ffn.top_k;
  if (attention.kind == model::AttentionKind::mla)
    attention.kv_lora_rank = 2 * x.kv_dim - attention.qk_rope_head_dim;
  else
    attention.kv_heads = x.kv_dim / attention.head_dim;
  return a;
}

double latency(const Continuous& a, const model::Scenario& s, Objective kind) {
  const auto seconds = [&](Phase phase) { return model::time_of(a, s, phase).seconds; };
  if (kind == Objective::prefill) return seconds(Phase::prefill);
  if (kind == Objective::tpot)
    return seconds(Phase::decode) / static_cast<double>(s.workload.output_tokens);
  return seconds(Phase::prefill) + seconds(Phase::decode);
}

double numeric_derivative(const Continuous& a, const model::Scenario& s, Objective kind,
                          double Coordinates::*quantity) {
  const Coordinates here = coordinates(a);
  const double h = 1e-6 * here.*quantity;
  Coordinates above = here, below = here;
  above.*quantity += h;
  below.*quantity -= h;
  return (latency(moved(a, above), s, kind) - latency(moved(a, below), s, kind)) / (2 * h);
}

void expect_derivatives(const Continuous& a, const model::Scenario& s, Objective kind,
                        double relative) {
  const auto result = sensitivity(published_law(), a, s, kind);
  const double whole = latency(a, s, kind);
  const Coordinates x = coordinates(a);
  const auto check = [&](double actual, double Coordinates::*quantity, const char* name) {
    // Relative to the latency: a derivative that is a small difference of large times is no worse.
    EXPECT_NEAR(actual * x.*quantity / whole,
                numeric_derivative(a, s, kind, quantity) * x.*quantity / whole, relative)
        << name << " " << to_string(kind);
  };
  check(result.dlatency_dlayers, &Coordinates::layers, "layers");
  check(result.dlatency_dwidth, &Coordinates::width, "width");
  check(result.dlatency_dffn_ratio, &Coordinates::ffn_ratio, "ffn_ratio");
  check(result.dlatency_dkv_dim, &Coordinates::kv_dim, "kv_dim");
  EXPECT_EQ(result.exchange_width, -result.dloss_dwidth / result.dlatency_dwidth);
  EXPECT_EQ(result.exchange_kv_dim, -result.dloss_dkv_dim / result.dlatency_dkv_dim);
  EXPECT_EQ(result.exchange_ffn_ratio, -result.dloss_dffn_ratio / result.dlatency_dffn_ratio);
  EXPECT_EQ(result.exchange_layers, -result.dloss_dlayers / result.dlatency_dlayers);
}

TEST(SensitivityDerivatives, LatencyDerivativesOfTheGoldenCasesMatchFiniteDifferences) {
  int checked = 0;
  for (const auto& c : golden().at("cases")) {
    const auto s = golden_scenario(c);
    const auto architecture = golden_architecture(c.at("architecture"));
    if (!architecture.further.empty() || !model::law_has_opinion(architecture)) continue;
    const auto a = model::lift(architecture);
    SCOPED_TRACE(c.at("name").get<std::string>());
    for (const auto kind : all_kinds) {
      if (!model::applies(kind, s)) continue;
      expect_derivatives(a, s, kind, 1e-8);
      ++checked;
    }
  }
  EXPECT_GT(checked, 40);
}

model::Architecture random_architecture(Random& random) {
  const std::int64_t heads = random.integer(2, 32);
  const bool mla = random.chance(0.3);
  const std::int64_t experts = random.one_of<std::int64_t>({1, 1, 8, 16});
  model::Architecture a;
  static_cast<model::Layers&>(a) = {
      .layers = random.integer(4, 40),
      .attention = mla ? model::AttentionKind::mla : model::AttentionKind::gqa,
      .heads = heads,
      .head_dim = 64,
      .kv_heads = random.chance(0.5) ? heads : 1,
      .window = !mla && random.chance(0.3) ? random.integer(1, 2000) : 0,
      .ffn = random.chance(0.3) ? model::FfnKind::plain : model::FfnKind::gated,
      .expert_ffn = random.integer(64, 8192),
      .experts = experts,
      .top_k = experts > 1 ? random.integer(1, 4) : 1,
      .shared_ffn = random.chance(0.3) ? random.integer(64, 4096) : 0,
      .ffn_sparsity = random.chance(0.2) ? 0.5 : 0.0};
  a.width = heads * 64;
  a.vocab = 32000;
  a.tied = random.chance(0.5);
  if (mla)
    a.mla = {.kv_lora_rank = random.integer(64, 512),
             .q_lora_rank = random.chance(0.5) ? 768 : 0,
             .qk_nope_head_dim = 64,
             .qk_rope_head_dim = 32,
             .v_head_dim = 64};
  return a;
}

model::Scenario random_scenario(Random& random) {
  auto s = golden_scenario(golden().at("cases")[0]);
  s.precision.weight_bytes = random.uniform(0.5, 2);
  s.precision.input_bytes = random.chance(0.5) ? 1 : 2;
  s.workload = {.id = "random",
                .batch = random.integer(1, 16),
                .input_tokens = random.integer(0, 3000),
                .output_tokens = random.integer(1, 300)};
  s.engine = {.flash = random.chance(0.5),
              .causal = random.chance(0.5),
              .lm_head = random.chance(0.5),
              .query_heads = random.chance(0.3),
              .mla_expanded = random.chance(0.3)};
  s.rates = {.s_per_matmul_flop = random.log_uniform(1e-14, 1e-11),
             .s_per_attention_flop = random.log_uniform(1e-14, 1e-11),
             .s_per_byte = random.log_uniform(1e-13, 1e-10),
             .s_per_kv_byte = random.log_uniform(1e-13, 1e-10),
             .layer_overhead_s = random.chance(0.5) ? 1e-5 : 0.0};
  return s;
}

TEST(SensitivityDerivatives, LatencyDerivativesOfRandomPointsMatchFiniteDifferences) {
  Random random(1);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const auto a = model::lift(random_architecture(random));
    const auto s = random_scenario(random);
    for (const auto kind : all_kinds)
      if (model::applies(kind, s)) expect_derivatives(a, s, kind, 1e-5);
  }
}

TEST(SensitivityDerivatives, LossDerivativesAreThoseOfTheLaw) {
  const auto law = published_law();
  Random random(2);
  for (int i = 0; i < 100; ++i) {
    const auto architecture = random_architecture(random);
    const auto s = random_scenario(random);
    const auto result = sensitivity(law, architecture, s, Objective::total);
    const auto x = model::law_point(model::lift(architecture));
    const auto numeric = [&](double model::LawPoint<double>::*quantity) {
      const double h = 1e-5 * x.*quantity;
      auto above = x, below = x;
      above.*quantity += h;
      below.*quantity -= h;
      const auto at = [&](const auto& p) { return model::loss(law, model::loss_terms(law, p), 0); };
      return (at(above) - at(below)) / (2 * h);
    };
    using Point = model::LawPoint<double>;
    EXPECT_NEAR(result.dloss_dlayers * x.layers, numeric(&Point::layers) * x.layers, 1e-9);
    EXPECT_NEAR(result.dloss_dwidth * x.width, numeric(&Point::width) * x.width, 1e-9);
    EXPECT_NEAR(result.dloss_dffn_ratio * x.ffn_ratio, numeric(&Point::ffn_ratio) * x.ffn_ratio,
                1e-9);
    EXPECT_NEAR(result.dloss_dactivation_rate * x.activation_rate,
                numeric(&Point::activation_rate) * x.activation_rate, 1e-9);
    EXPECT_NEAR(result.dloss_dkv_dim * x.kv_dim, numeric(&Point::kv_dim) * x.kv_dim, 1e-9);
  }
}

TEST(SensitivityDerivatives, SharesAreElasticities) {
  Random random(3);
  for (int i = 0; i < 50; ++i) {
    const auto a = model::lift(random_architecture(random));
    const auto s = random_scenario(random);
    const auto result = sensitivity(published_law(), a, s, Objective::total);
    const auto elasticity = [&](double compute, double bandwidth, double overhead) {
      const auto at = [&](double h) {
        auto t = s;
        t.rates.s_per_matmul_flop *= std::exp(h * compute);
        t.rates.s_per_attention_flop *= std::exp(h * compute);
        t.rates.s_per_byte *= std::exp(h * bandwidth);
        t.rates.s_per_kv_byte *= std::exp(h * bandwidth);
        t.rates.layer_overhead_s *= std::exp(h * overhead);
        return std::log(latency(a, t, Objective::total));
      };
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    };
    EXPECT_NEAR(result.elasticity_compute, elasticity(1, 0, 0), 2e-5);
    EXPECT_NEAR(result.elasticity_bandwidth, elasticity(0, 1, 0), 2e-5);
    EXPECT_NEAR(result.elasticity_overhead, elasticity(0, 0, 1), 2e-5);
  }
}

// ffn_up with exactly equal compute and memory time, all in powers of two.
TEST(SensitivityDerivatives, ATieIsComputeBound) {
  auto s = golden_scenario(golden().at("cases")[0]);
  s.precision.weight_bytes = s.precision.activation_bytes = s.precision.input_bytes = 1;
  s.precision.ffn_weight_bytes = s.precision.attention_weight_bytes = 1;
  s.engine.lm_head = false;
  s.engine.elementwise = model::Elementwise::ignored;
  const double bytes = 0x1p23 + 0x1p10 + 0x1p12;
  const auto at = [&](double faster) {
    auto t = s;
    t.rates = {.s_per_matmul_flop = bytes * 0x1p-54 / faster,
               .s_per_attention_flop = 1e-18,
               .s_per_vector_flop = 1e-18,
               .s_per_byte = 0x1p-30,
               .s_per_kv_byte = 0x1p-30,
               .layer_overhead_s = 0,
               .pass_overhead_s = 0};
    model::Architecture a;
    static_cast<model::Layers&>(a) = {
        .layers = 1, .heads = 16, .head_dim = 64, .kv_heads = 16, .expert_ffn = 4096};
    a.width = 1024;
    a.vocab = 1000;
    return sensitivity(published_law(), a, t, Objective::tpot);
  };
  const auto tie = at(1.0);
  const auto compute_bound = at(1 - 1e-9);
  const auto memory_bound = at(1 + 1e-9);
  EXPECT_NEAR(tie.dlatency_dffn_ratio, compute_bound.dlatency_dffn_ratio,
              1e-8 * tie.dlatency_dffn_ratio);
  EXPECT_GT(std::abs(tie.dlatency_dffn_ratio - memory_bound.dlatency_dffn_ratio),
            1e-6 * tie.dlatency_dffn_ratio);
  EXPECT_GT(tie.elasticity_compute, 0.1);
  EXPECT_LT(memory_bound.elasticity_compute, tie.elasticity_compute - 0.1);
}

}  // namespace
}  // namespace rooflaw::theory
