// The model against the slow reference on thousands of random cases.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "reference/reference_model.hpp"
#include "unit/random_cases.hpp"

namespace rooflaw::testing {
namespace {

constexpr double tolerance = 1e-10;

class Checker {
 public:
  Checker(const json& expected, const json& c) : expected_(expected), case_(c) {}

  void close(const char* key, double actual) { close(expected_.at(key), actual, key); }
  void close(const json& value, double actual, const std::string& what) {
    const double x = value.get<double>();
    EXPECT_LE(std::abs(actual - x), tolerance * std::abs(x))
        << what << ": " << actual << ", reference " << x << "\n"
        << case_.dump();
  }
  /// Shares lie in 0 .. 1, and a small one is what two large numbers leave.
  void share(const char* key, double actual) {
    EXPECT_NEAR(expected_.at(key).get<double>(), actual, tolerance) << key << "\n" << case_.dump();
  }

 private:
  const json& expected_;
  const json& case_;
};

void expect_operators(const json& expected, const std::vector<model::Operator<double>>& actual,
                      const model::Scenario& s, Checker& check) {
  ASSERT_EQ(expected.size(), actual.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto& op = actual[i];
    const std::string name = expected[i].at("name");
    ASSERT_EQ(name, to_string(op.kind));
    const auto type = op.unit == model::ComputeUnit::matmul ? s.precision.matmul : s.attention_type;
    EXPECT_EQ(expected[i].at("type").get<std::string>(), to_string(type)) << name;
    check.close(expected[i].at("flops"), op.flops, name + ".flops");
    check.close(expected[i].at("bytes"), op.bytes, name + ".bytes");
    check.close(expected[i].at("kv_bytes"), op.kv_bytes, name + ".kv_bytes");
    check.close(expected[i].at("seconds"), model::operator_time(op, s.rates).seconds,
                name + ".seconds");
  }
}

void expect_groups(const json& expected, const model::Architecture& a, const model::Scenario& s,
                   const model::Pass& pass, Checker& check) {
  std::size_t number = 0;
  for_each_group(a, [&](const model::Layers& group) {
    ASSERT_LT(number, expected.size());
    expect_operators(expected[number++], model::layer_operators(group, a.width, s, pass), s, check);
  });
}

void expect_same(const json& c) {
  const json expected = reference::evaluate(c);
  const model::Scenario s = scenario_from(c);
  const model::Architecture a = architecture_from(c.at("architecture"));
  const model::Evaluation e = model::evaluate(published_law(), a, s);
  Checker check(expected, c);

  EXPECT_EQ(expected.at("params_total").get<double>(), e.params_total);
  EXPECT_EQ(expected.at("params_active").get<double>(), e.params_active);
  EXPECT_EQ(expected.at("extrapolated").get<bool>(), e.extrapolated);
  ASSERT_EQ(!expected.at("loss").is_null(), e.has_loss);
  if (e.has_loss) {
    check.close("ffn_ratio", e.point.ffn_ratio);
    check.close("activation_rate", e.point.activation_rate);
    check.close("kv_dim", e.point.kv_dim);
    check.close("loss", e.loss);
    check.close("perplexity", e.perplexity);
  }
  if (expected.at("energy_j").is_null())
    EXPECT_TRUE(std::isnan(e.energy_j));
  else
    check.close("energy_j", e.energy_j);
  check.close("prefill_s", e.prefill.seconds);
  check.close("decode_s", e.decode.seconds);
  check.close("total_s", e.total_s);
  if (expected.at("tpot_s").is_null())
    EXPECT_TRUE(std::isnan(e.tpot_s));
  else
    check.close("tpot_s", e.tpot_s);
  check.share("prefill_compute_share", e.prefill.compute_share);
  check.share("prefill_bandwidth_share", e.prefill.bandwidth_share);
  check.share("decode_compute_share", e.decode.compute_share);
  check.share("decode_bandwidth_share", e.decode.bandwidth_share);
  check.close(expected.at("memory").at("weights"), e.memory.weights, "memory.weights");
  check.close(expected.at("memory").at("kv"), e.memory.kv, "memory.kv");
  check.close(expected.at("memory").at("workspace"), e.memory.workspace, "memory.workspace");
  check.close("memory_total", e.memory.total());

  if (s.workload.input_tokens > 0) {
    const double passes = model::passes(s, model::Phase::prefill);
    EXPECT_EQ(expected.at("prefill_passes").get<double>(), passes);
    expect_groups(expected.at("prefill_layer_ops_of_last_pass"), a, s,
                  model::prefill_pass(s.workload, s.engine, passes), check);
  }
  if (s.workload.output_tokens > 0)
    expect_groups(expected.at("decode_layer_ops_at_first_step"), a, s,
                  model::decode_pass(s.workload, 1), check);
  const auto head = model::head_operator(a, s);
  ASSERT_EQ(!expected.at("lm_head").is_null(), head.has_value());
  if (head) {
    check.close(expected.at("lm_head").at("flops"), head->flops, "lm_head.flops");
    check.close(expected.at("lm_head").at("bytes"), head->bytes, "lm_head.bytes");
  }
}

TEST(AgainstReference, RandomCases) {
  Random random(20260211);
  for (int i = 0; i < 10000 && !HasFailure(); ++i) expect_same(random_case(random, 40));
}

TEST(AgainstReference, LayersOfSeveralKinds) {
  Random random(20261125);
  for (int i = 0; i < 5000 && !HasFailure(); ++i) {
    json c = random_case(random, 40);
    c["architecture"] = random_layered_architecture(random);
    expect_same(c);
  }
}

/// Windows and chunks whose ends fall anywhere among the passes.
TEST(AgainstReference, WindowsInsidePromptsAndDecodes) {
  Random random(20261126);
  for (int i = 0; i < 5000 && !HasFailure(); ++i) {
    json c = random_case(random, 60);
    json& a = c["architecture"];
    if (a.value("attention", "gqa") != "gqa") continue;
    c["workload"]["input_tokens"] = random.integer(0, 200);
    a["window"] = random.integer(1, 260);
    if (c["engine"].is_null() || c["engine"].value("prefill_chunk", 1) != 0)
      c["engine"]["prefill_chunk"] = random.integer(1, 220);
    expect_same(c);
  }
}

/// Sets the peak of the attention type so that the operator `name` turns from memory-bound to
/// compute-bound, or back, at a context inside the decode; false if no peak does.
bool force_crossing(json& c, Random& random) {
  const auto steps = c.at("workload").at("output_tokens").get<double>();
  const auto first_context = c.at("workload").at("input_tokens").get<double>() + 1;
  const json result = reference::evaluate(c);
  const json& e = c.at("device").value("efficiency", json::object()).value("*", json::object());
  for (const json& op : result.at("decode_layer_ops_at_first_step").at(0)) {
    const std::string name = op.at("name");
    if (name != "attention" && name != "scores" && name != "context") continue;
    // At context C: FLOP = f C, memory time = m + k C.
    const double f = op.at("flops").get<double>() / first_context;
    const double bandwidth = e.value("bandwidth", 1.0);
    const double kv = op.at("kv_bytes").get<double>() / e.value("kv_bandwidth", bandwidth);
    const double bytes = op.at("bytes").get<double>() / bandwidth;
    const double at = first_context + random.real(0, steps - 1);
    const double seconds =
        (bytes + kv * at / first_context) / c["device"]["bandwidth"].get<double>();
    c["device"]["peak_flops"][op.at("type").get<std::string>()] =
        f * at / seconds / e.value("attention", e.value("compute", 1.0));
    return true;
  }
  return false;
}

/// Does an operator of the attention block change its bound between first and last decode step?
bool crosses(const json& c) {
  const model::Scenario s = scenario_from(c);
  const model::Architecture a = architecture_from(c.at("architecture"));
  const auto first = model::layer_operators(a, a.width, s, model::decode_pass(s.workload, 1));
  const auto last = model::layer_operators(
      a, a.width, s, model::decode_pass(s.workload, static_cast<double>(s.workload.output_tokens)));
  const auto compute_bound = [&](const model::Operator<double>& op) {
    return model::compute_time(op, s.rates) >= model::memory_time(op, s.rates);
  };
  for (std::size_t i = 0; i < first.size(); ++i)
    if (compute_bound(first[i]) != compute_bound(last[i])) return true;
  return false;
}

TEST(AgainstReference, BoundChangesInsideALongDecode) {
  Random random(7);
  int crossing = 0;
  for (int i = 0; i < 500 && !HasFailure(); ++i) {
    json c = random_case(random, 40);
    c["workload"]["output_tokens"] = random.integer(2, 3000);
    c["workload"]["input_tokens"] = random.integer(0, 50);
    c["workload"]["batch"] = random.integer(1, 3);
    c["architecture"].erase("window");
    c["device"].erase("efficiency");
    if (random.chance(0.5)) c["device"]["efficiency"]["*"] = random_efficiency(random);
    ASSERT_TRUE(force_crossing(c, random));
    crossing += crosses(c) ? 1 : 0;
    expect_same(c);
  }
  EXPECT_GE(crossing, 250);
}

TEST(AgainstReference, OtherLaws) {
  Random random(11);
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    json c = random_case(random, 1);
    model::Law law = published_law();
    law.range = {};
    json& j = c["law"];
    const auto draw = [&](const char* name, double& coefficient, double low, double high) {
      coefficient = random.real(low, high);
      j[name] = coefficient;
    };
    draw("kappa_l", law.kappa_l, 1, 20), draw("alpha_l", law.alpha_l, 0.3, 2);
    draw("kappa_rho", law.kappa_rho, 0.01, 0.1), draw("alpha_rho", law.alpha_rho, 0.5, 2);
    draw("alpha_r", law.alpha_r, 0.05, 0.5), draw("beta_1", law.beta_1, -0.5, 0.5);
    draw("kappa_d", law.kappa_d, 100, 1000), draw("beta_2", law.beta_2, 0.3, 1.2);
    draw("kappa_m", law.kappa_m, 0.05, 1), draw("alpha_m", law.alpha_m, 0.01, 0.4);
    draw("l_inf", law.l_inf, 0, 3);
    const auto e = model::evaluate(law, architecture_from(c.at("architecture")), scenario_from(c));
    const json expected = reference::evaluate(c);
    EXPECT_NEAR(expected.at("loss").get<double>(), e.loss, tolerance * e.loss) << c.dump();
    // A law that states no range limits nothing but windows, of which no law knows.
    EXPECT_EQ(c.at("architecture").contains("window"), e.extrapolated);
  }
}

}  // namespace
}  // namespace rooflaw::testing
