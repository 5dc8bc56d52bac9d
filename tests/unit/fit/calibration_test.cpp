// Speeds made from known efficiencies by the model itself are told back; priors, outliers, models
// left out.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include <Eigen/Dense>

#include "rooflaw/core/error.hpp"
#include "rooflaw/fit/leave_out.hpp"
#include "rooflaw/model/architecture.hpp"

namespace rooflaw::fit {
namespace {

using model::Architecture;
using model::ComputeType;
using model::Phase;

model::Device chip(const std::string& id = "chip") {
  model::Device d;
  d.id = id;
  d.kind = "gpu";
  d.bandwidth_bytes_per_s = 100e9;
  d.peak_flops = {{ComputeType::fp16, 10e12}};
  return d;
}

model::Precision format(const std::string& id, double bytes) {
  model::Precision p;
  p.id = id;
  p.weight_bytes = p.attention_weight_bytes = p.ffn_weight_bytes = bytes;
  p.head_bytes = p.embedding_bytes = bytes;
  p.activation_bytes = p.kv_bytes = p.input_bytes = 2;
  return p;
}

Architecture dense(std::int64_t layers, std::int64_t width, std::int64_t kv_heads) {
  Architecture a;
  a.layers = layers;
  a.width = width;
  a.vocab = 32000;
  a.heads = width / 64;
  a.head_dim = 64;
  a.kv_heads = kv_heads;
  a.expert_ffn = 3 * width;
  return a;
}

const std::vector<Architecture> models{dense(12, 768, 12), dense(24, 1024, 4), dense(32, 2560, 8),
                                       dense(16, 4096, 32)};

/// Seconds by the whole model, with efficiencies in the device.
double seconds_at(const Speed& s, model::Device device, const model::Efficiency& e,
                  const model::Engine& engine) {
  device.efficiencies["*"] = e;
  const auto at = [&](std::int64_t input, std::int64_t output) {
    const auto scenario = make_scenario(
        device, s.precision, {.id = {}, .batch = 1, .input_tokens = input, .output_tokens = output},
        engine);
    return time_of(s.architecture, scenario, s.phase).seconds;
  };
  return s.phase == Phase::decode ? at(s.context, s.tokens) : at(s.tokens, 0);
}

struct Truth {
  model::Efficiency fp16{0.5, 0.2, 0.8, 0.4, 20e-6, 100e-6};
  model::Efficiency q4{0.3, 0.2, 0.55, 0.4, 20e-6, 100e-6};
  model::Engine engine{.mla_expanded = true, .prefill_chunk = 0};
};

Group measured(const Truth& truth, const model::Device& device = chip()) {
  Group g{.id = device.id + ".engine",
          .engine = "engine",
          .device = device,
          .family = family_of("engine", "gpu", "gpu"),
          .full_power = true,
          .speeds = {}};
  for (std::size_t m = 0; m < models.size(); ++m)
    for (const bool sixteen : {true, false})
      for (const auto& [phase, context, tokens] : {std::tuple{Phase::decode, 0, 128},
                                                   {Phase::decode, 4096, 128},
                                                   {Phase::prefill, 0, 512},
                                                   {Phase::prefill, 0, 4096}}) {
        Speed s{.place = {},
                .model = fmt::format("m{}", m),
                .shape = fmt::format("m{}", m),
                .architecture = model::lift(models[m]),
                .precision = sixteen ? format("fp16", 2) : format("q4", 0.5625),
                .phase = phase,
                .batch = 1,
                .context = context,
                .tokens = tokens,
                .chunk = 0,
                .flash = std::nullopt};
        s.seconds = seconds_at(s, device, sixteen ? truth.fp16 : truth.q4, truth.engine);
        g.speeds.push_back(s);
      }
  return g;
}

Prior prior_for(const Group& g) { return prior_of(unknowns_of(g), g.family, {}, g.device.id); }

TEST(Calibration, TellsBackWhatSpeedsWereMadeFrom) {
  const Group g = measured({});
  const Prior prior = prior_for(g);
  const Fit fit = fit_group(g, prior);
  EXPECT_EQ(usual_switches(g.family), fit.switches);
  for (const auto& s : g.speeds)
    EXPECT_NEAR(0, log_error(s, g.device, prior, fit), 0.03) << s.model;
  const auto q4 = efficiency_of("q4", prior, fit);
  EXPECT_NEAR(0.55, q4.bandwidth, 0.02);
  EXPECT_NEAR(0.3, q4.compute, 0.02);
  EXPECT_NEAR(0.8, efficiency_of("fp16", prior, fit).bandwidth, 0.03);
  EXPECT_NEAR(0.4, q4.kv_bandwidth, 0.05);
}

TEST(Calibration, TellsSwitchesBySpeed) {
  Truth truth;
  truth.engine.query_heads = true;
  truth.engine.flash = false;
  const Group g = measured(truth);
  const Fit fit = fit_group(g, prior_for(g));
  EXPECT_TRUE(fit.switches.query_heads);
  EXPECT_TRUE(fit.switches.eager);
}

TEST(Calibration, OneWrongSpeedMovesTheOthersLittle) {
  Group g = measured({});
  g.speeds[4].seconds *= 10;
  const Prior prior = prior_for(g);
  const Fit fit = fit_group(g, prior);
  EXPECT_LT(log_error(g.speeds[4], g.device, prior, fit), -2.0);
  for (std::size_t i = 0; i < g.speeds.size(); ++i) {
    if (i == 4) continue;
    EXPECT_NEAR(0, log_error(g.speeds[i], g.device, prior, fit), 0.1) << i;
  }
}

TEST(Calibration, AModelLeftOutIsPredictedFromTheOthers) {
  const Group g = measured({});
  const auto r = examine(g, {}, {});
  ASSERT_EQ(g.speeds.size(), r.left_out.size());
  EXPECT_LT(mean_error(r.left_out), 0.05);
  EXPECT_GT(mean_error(r.unseen), 0.1);  // the first prior knows nothing of this chip
  EXPECT_NEAR(1, spearman(g, r.left_out, Phase::decode), 1e-12);
}

TEST(Calibration, OfOneModelNothingIsLeftOut) {
  Group g = measured({});
  std::erase_if(g.speeds, [](const Speed& s) { return s.model != "m1"; });
  EXPECT_TRUE(examine(g, {}, {}).left_out.empty());
  EXPECT_FALSE(stands_alone(g));
}

TEST(Calibration, SpeedsOfOnePhaseDoNotTellTheOther) {
  Group g = measured({});
  std::erase_if(g.speeds, [](const Speed& s) { return s.phase != Phase::decode; });
  const Prior prior = prior_for(g);
  const Fit fit = fit_group(g, prior);
  const Spreads spreads = spreads_of(g, prior, fit);
  for (Eigen::Index i = 0; i < fit.values.size(); ++i) {
    const auto kind = prior.unknowns[static_cast<std::size_t>(i)].kind;
    const double narrowed = spreads.fitted[i] / spreads.prior[i];
    if (kind == Kind::bandwidth) {
      EXPECT_LT(narrowed, 0.5);
    } else if (kind == Kind::attention) {
      EXPECT_GT(narrowed, 0.9);
    }
  }
  for (const auto& e : evidence_of(g, prior, fit))
    EXPECT_TRUE(e.unknown.kind != Kind::compute && e.unknown.kind != Kind::attention);
}

TEST(Calibration, AFormatThatIsNotMeasuredFollowsThoseThatAre) {
  Truth slow;
  slow.fp16.bandwidth = 0.2;
  Group g = measured(slow);
  std::erase_if(g.speeds, [](const Speed& s) { return s.precision.id != "fp16"; });
  const auto q4 = format("q4", 0.5625);
  const Prior prior = prior_of(unknowns_of(g, {q4}), g.family, {}, g.device.id);
  const Fit fit = fit_group(g, prior);
  EXPECT_LT(efficiency_of("q4", prior, fit).bandwidth, 0.3);  // alone it would have 0.55
  EXPECT_THROW(efficiency_of("q8", prior, fit), Error);
}

TEST(Calibration, ContextBehindAPromptCostsAttentionOnly) {
  Group g = measured({});
  Speed s = g.speeds[2];
  ASSERT_EQ(Phase::prefill, s.phase);
  const Prior prior = prior_for(g);
  const Fit fit = prior_fit(prior, g.family);
  s.chunk = 512;
  const auto seconds = [&](std::int64_t context) {
    s.context = context;
    return s.seconds * std::exp(log_error(s, g.device, prior, fit));
  };
  EXPECT_LT(seconds(0), seconds(4096));
  EXPECT_NEAR(seconds(4096) - seconds(2048), seconds(6144) - seconds(4096), 1e-6);
}

Evidence told(const std::string& device, const std::string& engine, double bandwidth) {
  return {device,
          family_of(engine, "gpu", "gpu"),
          {Kind::bandwidth, "q4", Width::bits4},
          std::log(bandwidth)};
}

TEST(Prior, IsThatOfTheLikesButForTheChipItself) {
  const Group g = measured({});
  const std::vector<Evidence> evidence{told("a", "engine", 0.9), told("b", "engine", 0.9),
                                       told("chip", "engine", 0.01)};
  const auto mean = [&](const std::vector<Evidence>& e, const std::string& without) {
    const Prior prior = prior_of({{Kind::bandwidth, "q4", Width::bits4}}, g.family, e, without);
    return std::exp(prior.mean[0]);
  };
  EXPECT_NEAR(0.55, mean({}, "chip"), 1e-12);
  EXPECT_GT(mean(evidence, "chip"), 0.75);
  EXPECT_LT(mean(evidence, "chip"), 0.9);
  EXPECT_LT(mean(evidence, ""), mean(evidence, "chip"));
  // Of another kind of chip, less.
  EXPECT_LT(mean({told("a", "other", 0.9)}, "chip"), mean({told("a", "engine", 0.9)}, "chip"));
}

TEST(Prior, FormatsOfAChipShareMostOfTheirSpread) {
  const Prior prior = prior_of({{Kind::bandwidth, "q4", Width::bits4},
                                {Kind::bandwidth, "fp16", Width::bits16},
                                {Kind::kv_bandwidth}},
                               family_of("engine", "gpu", "gpu"), {}, "");
  const Eigen::MatrixXd covariance = prior.precision.inverse();
  EXPECT_GT(covariance(0, 1), 0.7 * covariance(0, 0));
  EXPECT_NEAR(0, covariance(0, 2), 1e-12);
  EXPECT_EQ(0, prior.penalty(prior.mean));
  Eigen::VectorXd at = prior.mean;
  at[1] += 0.3;
  const double step = 1e-6;
  Eigen::VectorXd beside = at;
  beside[0] += step;
  EXPECT_NEAR(prior.penalty_gradient(at)[0], (prior.penalty(beside) - prior.penalty(at)) / step,
              1e-4);
}

TEST(Band, HoldsNineOfTen) {
  Errors errors;
  for (int i = 0; i <= 100; ++i) errors.push_back((i - 50) / 100.0);
  const model::Band band = band_of(errors);
  EXPECT_NEAR(std::exp(-0.45), band.low, 1e-12);
  EXPECT_NEAR(std::exp(0.45), band.high, 1e-12);
  EXPECT_TRUE(std::isnan(mean_error({})));
  EXPECT_NEAR(0.1, mean_error({std::log(1.1), std::log(0.9)}), 1e-12);
}

TEST(Widths, AreThoseOfTheFfn) {
  EXPECT_EQ(Width::bits16, width_of(format("", 2)));
  EXPECT_EQ(Width::bits8, width_of(format("", 1.0625)));
  EXPECT_EQ(Width::bits4, width_of(format("", 0.5625)));
  EXPECT_EQ(Width::bits2, width_of(format("", 0.3)));
}

}  // namespace
}  // namespace rooflaw::fit
