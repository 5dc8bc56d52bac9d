// Every worked case of golden.json, from plain structures and from a CASE.toml on disk.

#include <cctype>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/io/case_file.hpp"
#include "unit/model_json.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::testing {
namespace {

constexpr double tolerance = 1e-10;

void expect_close(const json& expected, double actual, const std::string& what) {
  const double x = expected.get<double>();
  EXPECT_LE(std::abs(actual - x), tolerance * std::abs(x)) << what << ": " << actual << " != " << x;
}

void expect_operators(const json& expected, const std::vector<model::Operator<double>>& actual,
                      const model::Scenario& s) {
  ASSERT_EQ(expected.size(), actual.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto& op = actual[i];
    const json& row = expected[i];
    const std::string name = row.at("name");
    EXPECT_EQ(name, to_string(op.kind));
    const auto type = op.unit == model::ComputeUnit::matmul ? s.precision.matmul : s.attention_type;
    EXPECT_EQ(row.at("type").get<std::string>(), to_string(type)) << name;
    expect_close(row.at("flops"), op.flops, name + ".flops");
    expect_close(row.at("bytes"), op.bytes, name + ".bytes");
    expect_close(row.at("kv_bytes"), op.kv_bytes, name + ".kv_bytes");
    expect_close(row.at("seconds"), model::operator_time(op, s.rates).seconds, name + ".seconds");
  }
}

void expect_groups(const json& expected, const model::Architecture& a, const model::Scenario& s,
                   const model::Pass& pass) {
  std::size_t number = 0;
  for_each_group(a, [&](const model::Layers& group) {
    SCOPED_TRACE("group " + std::to_string(number));
    ASSERT_LT(number, expected.size());
    expect_operators(expected.at(number++), model::layer_operators(group, a.width, s, pass), s);
  });
  EXPECT_EQ(expected.size(), number);
}

void expect_loss(const json& expected, const model::Law& law, const model::Evaluation& e) {
  EXPECT_EQ(!expected.at("loss").is_null(), e.has_loss);
  if (!e.has_loss) {
    EXPECT_TRUE(std::isnan(e.loss) && std::isnan(e.perplexity));
    return;
  }
  expect_close(expected.at("ffn_ratio"), e.point.ffn_ratio, "ffn_ratio");
  expect_close(expected.at("activation_rate"), e.point.activation_rate, "activation_rate");
  expect_close(expected.at("kv_dim"), e.point.kv_dim, "kv_dim");
  const json& terms = expected.at("loss_terms");
  expect_close(terms.at(0), e.terms.depth, "depth term");
  expect_close(terms.at(1), e.terms.sparsity, "sparsity term");
  expect_close(terms.at(2), e.terms.capacity, "capacity term");
  expect_close(terms.at(3), e.terms.kv, "KV term");
  expect_close(terms.at(4), model::law_constant(law), "floor");
  expect_close(expected.at("loss"), e.loss, "loss");
  expect_close(expected.at("perplexity"), e.perplexity, "perplexity");
}

void expect_maybe(const json& expected, double actual, const std::string& what) {
  if (expected.is_null())
    EXPECT_TRUE(std::isnan(actual)) << what;
  else
    expect_close(expected, actual, what);
}

void expect_case(const json& expected, const model::Law& law, const model::Architecture& a,
                 const model::Scenario& s) {
  const model::Evaluation e = model::evaluate(law, a, s);
  EXPECT_EQ(expected.at("params_total").get<double>(), e.params_total);
  EXPECT_EQ(expected.at("params_active").get<double>(), e.params_active);
  EXPECT_EQ(expected.at("extrapolated").get<bool>(), e.extrapolated);
  expect_loss(expected, law, e);
  expect_close(expected.at("prefill_s"), e.prefill.seconds, "prefill_s");
  expect_close(expected.at("decode_s"), e.decode.seconds, "decode_s");
  expect_close(expected.at("total_s"), e.total_s, "total_s");
  expect_maybe(expected.at("tpot_s"), e.tpot_s, "tpot_s");
  expect_maybe(expected.at("energy_j"), e.energy_j, "energy_j");
  expect_close(expected.at("memory").at("weights"), e.memory.weights, "memory.weights");
  expect_close(expected.at("memory").at("kv"), e.memory.kv, "memory.kv");
  expect_close(expected.at("memory").at("workspace"), e.memory.workspace, "memory.workspace");

  EXPECT_EQ(expected.contains("prefill_layer_ops_of_last_pass"), s.workload.input_tokens > 0);
  if (s.workload.input_tokens > 0) {
    const double passes = model::passes(s, model::Phase::prefill);
    EXPECT_EQ(expected.at("prefill_passes").get<double>(), passes);
    expect_groups(expected.at("prefill_layer_ops_of_last_pass"), a, s,
                  model::prefill_pass(s.workload, s.engine, passes));
  }
  EXPECT_EQ(expected.contains("decode_layer_ops_at_first_step"), s.workload.output_tokens > 0);
  if (s.workload.output_tokens > 0)
    expect_groups(expected.at("decode_layer_ops_at_first_step"), a, s,
                  model::decode_pass(s.workload, 1));
  const auto head = model::head_operator(a, s);
  ASSERT_EQ(!expected.at("lm_head").is_null(), head.has_value());
  if (head) {
    expect_close(expected.at("lm_head").at("flops"), head->flops, "lm_head.flops");
    expect_close(expected.at("lm_head").at("bytes"), head->bytes, "lm_head.bytes");
    expect_close(expected.at("lm_head").at("seconds"), model::operator_time(*head, s.rates).seconds,
                 "lm_head.seconds");
  }
}

/// A JSON value as TOML, tables inline.
std::string toml_value(const json& value) {
  if (value.is_array()) {
    std::string list = "[";
    for (const json& item : value) list += (list.size() > 1 ? ", " : "") + toml_value(item);
    return list + "]";
  }
  if (!value.is_object()) return value.dump();
  std::string text = "{";
  for (const auto& [key, inner] : value.items())
    text += (text.size() > 1 ? ", \"" : "\"") + key + "\" = " + toml_value(inner);
  return text + "}";
}

std::string case_toml(const json& c) {
  std::string text;
  for (const char* table : {"architecture", "precision", "device", "workload", "engine"}) {
    text += std::string("[") + table + "]\n";
    for (const auto& [key, value] : c.at(table).items())
      text += key + " = " + toml_value(value) + "\n";
  }
  return text;
}

class GoldenCase : public ::testing::TestWithParam<std::size_t> {
 protected:
  const json& data() const { return golden().at("cases").at(GetParam()); }
};

TEST_P(GoldenCase, FromStructures) {
  const json& c = data();
  expect_case(c.at("expect"), published_law(), architecture_from(c.at("architecture")),
              scenario_from(c));
}

TEST_P(GoldenCase, FromAFile) {
  const json& c = data();
  const TemporaryFolder folder;
  io::SourceFiles files;
  const io::Case read = io::read_case(files, folder.write("case.toml", case_toml(c)));
  EXPECT_EQ(architecture_from(c.at("architecture")), read.architecture);
  EXPECT_EQ("codesign-2026", read.law.id);
  expect_case(c.at("expect"), read.law, read.architecture, read.scenario);
}

std::string test_name(const ::testing::TestParamInfo<std::size_t>& info) {
  std::string name = golden().at("cases").at(info.param).at("name");
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(, GoldenCase,
                         ::testing::Range<std::size_t>(0, golden().at("cases").size()), test_name);

TEST(GoldenCases, CoverWhatTheModelKnows) {
  std::set<std::string> operators;
  bool no_head = false, eager = false;
  for (const json& c : golden().at("cases")) {
    const json& expected = c.at("expect");
    for (const char* table : {"prefill_layer_ops_of_last_pass", "decode_layer_ops_at_first_step"})
      for (const json& group : expected.value(table, json::array()))
        for (const json& op : group) operators.insert(op.at("name"));
    no_head |= expected.at("lm_head").is_null();
    eager |= c.at("engine").value("attention", "flash") == "eager";
  }
  EXPECT_THAT(operators,
              ::testing::IsSupersetOf({"norm", "qkv_proj", "q_proj", "q_down", "q_up", "kv_down",
                                       "kv_up", "attention", "scores", "softmax", "context",
                                       "o_proj", "mixer_proj", "mixer_state", "router", "ffn_up",
                                       "activation", "ffn_down", "quantize"}));
  EXPECT_TRUE(no_head);
  EXPECT_TRUE(eager);
}

}  // namespace
}  // namespace rooflaw::testing
