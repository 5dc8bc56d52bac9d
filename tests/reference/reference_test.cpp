// The reference implementation against the golden cases, and against a few results worked by hand
// for the rules that no golden case exercises.

#include "reference_model.hpp"

#include <cmath>
#include <fstream>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

using nlohmann::json;
using rooflaw::reference::enumerate;
using rooflaw::reference::evaluate;
using rooflaw::reference::frontier;
using rooflaw::reference::hypervolume;
using rooflaw::reference::Point;
using rooflaw::reference::SpacePoint;

constexpr double relative_tolerance = 1e-10;

const json& golden() {
  static const json data = [] {
    const std::string path = std::string(ROOFLAW_TEST_DIR) + "/golden/golden.json";
    std::ifstream file(path);
    if (!file) {
      throw std::runtime_error("cannot read " + path);
    }
    return json::parse(file);
  }();
  return data;
}

const json& golden_case(const std::string& name) {
  for (const json& c : golden().at("cases")) {
    if (c.at("name") == name) {
      return c;
    }
  }
  throw std::runtime_error("no golden case " + name);
}

std::set<std::string> keys(const json& object) {
  std::set<std::string> names;
  for (const auto& item : object.items()) {
    names.insert(item.key());
  }
  return names;
}

void expect_close(double expected, double actual, const std::string& where) {
  EXPECT_NEAR(expected, actual, relative_tolerance * std::abs(expected)) << where;
}

/// Same structure, equal strings, booleans and nulls, numbers equal to the tolerance.
void expect_same(const json& expected, const json& actual, const std::string& where) {
  if (expected.is_object()) {
    ASSERT_TRUE(actual.is_object()) << where;
    EXPECT_EQ(keys(expected), keys(actual)) << where;
    for (const auto& item : expected.items()) {
      if (actual.contains(item.key())) {
        expect_same(item.value(), actual.at(item.key()), where + "." + item.key());
      }
    }
  } else if (expected.is_array()) {
    ASSERT_TRUE(actual.is_array()) << where;
    ASSERT_EQ(expected.size(), actual.size()) << where;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      expect_same(expected[i], actual[i], where + "[" + std::to_string(i) + "]");
    }
  } else if (expected.is_number()) {
    ASSERT_TRUE(actual.is_number()) << where;
    expect_close(expected.get<double>(), actual.get<double>(), where);
  } else {
    EXPECT_EQ(expected, actual) << where;
  }
}

/// Fields of an architecture by name; what a window pattern cuts into groups is put together again.
json field(const json& architecture, const std::string& key) {
  if (key != "layers" || architecture.contains("layers")) {
    return architecture.at(key);
  }
  int layers = 0;
  for (const json& group : architecture.at("group")) {
    layers += group.at("layers").get<int>();
  }
  return layers;
}

std::optional<double> memory_budget(const json& golden_frontier) {
  const json& budget = golden_frontier.at("memory_budget");
  return budget.is_number() ? std::optional<double>(budget.get<double>()) : std::nullopt;
}

std::vector<Point> frontier_of(const json& g, std::optional<double> budget, const json& limits,
                               const json& law = nullptr, bool enforce_range = false) {
  return frontier(g.at("space"), g.at("device"), g.at("precision"), g.at("workload"),
                  g.at("engine"), law, g.at("latency").get<std::string>(), budget, limits,
                  enforce_range);
}

json published_coefficients() {
  return {{"kappa_l", 9.96}, {"alpha_l", 1.63}, {"kappa_rho", 0.031}, {"alpha_rho", 1.09},
          {"alpha_r", 0.17}, {"beta_1", -0.33}, {"kappa_d", 500.0},   {"beta_2", 0.97},
          {"kappa_m", 0.20}, {"alpha_m", 0.05}, {"l_inf", 2.53}};
}

const json& operator_named(const json& ops, const std::string& name) {
  for (const json& op : ops) {
    if (op.at("name") == name) {
      return op;
    }
  }
  throw std::runtime_error("no operator " + name);
}

}  // namespace

TEST(GoldenReference, ReproducesEveryCase) {
  ASSERT_FALSE(golden().at("cases").empty());
  for (const json& c : golden().at("cases")) {
    const std::string name = c.at("name").get<std::string>();
    const json& expected = c.at("expect");
    json actual = evaluate(c);
    EXPECT_EQ(expected.at("params_total"), actual.at("params_total")) << name;
    EXPECT_EQ(expected.at("params_active"), actual.at("params_active")) << name;
    for (const char* added : {"prefill_compute_share", "prefill_bandwidth_share",
                              "decode_compute_share", "decode_bandwidth_share", "memory_total"}) {
      ASSERT_TRUE(actual.contains(added)) << name << " " << added;
      actual.erase(added);
    }
    expect_same(expected, actual, name);
  }
}

TEST(GoldenReference, ReproducesEveryFrontier) {
  ASSERT_FALSE(golden().at("frontiers").empty());
  for (const json& g : golden().at("frontiers")) {
    EXPECT_EQ(g.at("points").get<std::size_t>(), enumerate(g.at("space")).size());
    const std::vector<Point> points = frontier_of(g, memory_budget(g), nullptr);
    const json& expected = g.at("frontier");
    ASSERT_EQ(expected.size(), points.size());
    for (std::size_t i = 0; i < points.size(); ++i) {
      const std::string where = "frontier[" + std::to_string(i) + "]";
      for (const auto& item : expected[i].items()) {
        if (item.key() == "latency_s") {
          expect_close(item.value().get<double>(), points[i].latency_s, where);
        } else if (item.key() == "loss") {
          expect_close(item.value().get<double>(), points[i].loss, where);
        } else {
          EXPECT_EQ(item.value(), field(points[i].architecture, item.key()))
              << where << "." << item.key();
        }
      }
    }
  }
}

TEST(GoldenReference, SharesAndOverheadAddUpToOne) {
  for (const json& c : golden().at("cases")) {
    const std::string name = c.at("name").get<std::string>();
    const json r = evaluate(c);
    const json efficiencies = c.at("device").at("efficiency");
    const std::string precision = c.at("precision").at("id").get<std::string>();
    const json efficiency = efficiencies.contains(precision)
                                ? efficiencies.at(precision)
                                : efficiencies.value("*", json::object());
    const double overhead_of_pass = field(c.at("architecture"), "layers").get<double>() *
                                        efficiency.value("layer_overhead", 0.0) +
                                    efficiency.value("pass_overhead", 0.0);
    const auto expect_whole = [&](const std::string& phase, double passes) {
      const double seconds = r.at(phase + "_s").get<double>();
      const double shares = r.at(phase + "_compute_share").get<double>() +
                            r.at(phase + "_bandwidth_share").get<double>();
      if (seconds > 0) {
        EXPECT_NEAR(1, shares + passes * overhead_of_pass / seconds, 1e-11) << name << " " << phase;
      } else {
        EXPECT_EQ(0, shares) << name << " " << phase;
      }
    };
    expect_whole("prefill", r.value("prefill_passes", 0.0));
    expect_whole("decode", c.at("workload").at("output_tokens").get<double>());
  }
}

TEST(GoldenReference, SharesOfACaseWorkedByHand) {
  // int8 on Orin: norm, activation and quantisation do little but move bytes, and so does the head;
  // every other operator of the prefill is compute-bound, every operator of the decode
  // bandwidth-bound.
  const json& c = golden_case("qwen05/int8/orin/vla/{}");
  const json r = evaluate(c);
  const json& e = c.at("expect");
  double bandwidth_bound = e.at("lm_head").at("seconds").get<double>();
  for (const char* name : {"norm", "activation", "quantize"}) {
    bandwidth_bound += 24 * operator_named(e.at("prefill_layer_ops_of_last_pass").at(0), name)
                                .at("seconds")
                                .get<double>();
  }
  expect_close(bandwidth_bound / e.at("prefill_s").get<double>(),
               r.at("prefill_bandwidth_share").get<double>(), "prefill_bandwidth_share");
  EXPECT_EQ(0, r.at("decode_compute_share").get<double>());
}

TEST(GoldenReference, ATieIsComputeBound) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");
  c["workload"] = {{"batch", 1}, {"input_tokens", 0}, {"output_tokens", 1}};
  // The o_proj of one token: 2 * 896 * 896 FLOP and 1609216 bytes. Choose peaks that make both
  // times one second, and all that has more FLOP per byte compute-bound with it.
  c["device"]["bandwidth"] = 1609216.0;
  c["device"]["peak_flops"] = json::object({{"fp16", 1605632.0}});
  const json r = evaluate(c);
  double compute_bound = 0;
  for (const json& op : r.at("decode_layer_ops_at_first_step").at(0)) {
    const double compute_s = op.at("flops").get<double>() / 1605632.0;
    const double memory_s =
        (op.at("bytes").get<double>() + op.at("kv_bytes").get<double>()) / 1609216.0;
    if (op.at("name") == "o_proj") {
      ASSERT_EQ(compute_s, memory_s);
    }
    compute_bound += compute_s >= memory_s ? 24 * compute_s : 0;
  }
  const double head_compute_s = r.at("lm_head").at("flops").get<double>() / 1605632.0;
  const double head_memory_s = r.at("lm_head").at("bytes").get<double>() / 1609216.0;
  compute_bound += head_compute_s >= head_memory_s ? head_compute_s : 0;
  expect_close(compute_bound / r.at("decode_s").get<double>(),
               r.at("decode_compute_share").get<double>(), "decode_compute_share");
}

TEST(GoldenReference, AbsentFieldsTakeTheDefaults) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");
  const json full = evaluate(c);
  for (const char* key : {"attention", "window", "ffn", "experts", "top_k", "shared_ffn",
                          "ffn_sparsity", "tied", "positions"}) {
    c["architecture"].erase(key);
  }
  for (const char* key : {"id", "attention_weight_bytes", "ffn_weight_bytes", "input_bytes",
                          "head_bytes", "embedding_bytes", "attention", "loss_delta"}) {
    c["precision"].erase(key);
  }
  c["device"].erase("efficiency");
  c.erase("engine");
  EXPECT_EQ(full, evaluate(c));
  c["law"] = nullptr;
  EXPECT_EQ(full, evaluate(c));
  c["law"] = json::object({{"id", "codesign-2026"}});
  EXPECT_EQ(full, evaluate(c));
}

TEST(GoldenReference, PhasesWithoutTokensAreAbsent) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");
  c["workload"]["output_tokens"] = 0;
  const json r = evaluate(c);
  EXPECT_TRUE(r.at("tpot_s").is_null());
  EXPECT_FALSE(r.contains("decode_layer_ops_at_first_step"));
  EXPECT_TRUE(r.contains("prefill_layer_ops_of_last_pass"));
  EXPECT_EQ(0, r.at("decode_s").get<double>());
  EXPECT_EQ(0, r.at("decode_compute_share").get<double>());
  EXPECT_EQ(0, r.at("decode_bandwidth_share").get<double>());
}

TEST(GoldenReference, AttentionTypeFallsBack) {
  json c = golden_case("qwen05/int8/orin/vla/{}");
  const auto attention_type = [&c](const json& peaks) {
    c["device"]["peak_flops"] = peaks;
    return operator_named(evaluate(c).at("prefill_layer_ops_of_last_pass").at(0), "attention")
        .at("type");
  };
  EXPECT_EQ("fp16",
            attention_type({{"int8", 4e12}, {"fp32", 1e12}, {"bf16", 2e12}, {"fp16", 2e12}}));
  EXPECT_EQ("bf16", attention_type({{"int8", 4e12}, {"fp32", 1e12}, {"bf16", 2e12}}));
  EXPECT_EQ("fp32", attention_type({{"int8", 4e12}, {"fp32", 1e12}}));
  EXPECT_EQ("int8", attention_type(json::object({{"int8", 4e12}})));
  c["precision"]["attention"] = "fp32";
  EXPECT_EQ("fp32", attention_type({{"int8", 4e12}, {"fp32", 1e12}, {"fp16", 2e12}}));
  EXPECT_THROW(attention_type(json::object({{"fp16", 2e12}})), std::invalid_argument);  // no int8
}

TEST(GoldenReference, EfficienciesOfAPrecisionReplaceTheGeneralOnesAsAWhole) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");
  c["device"]["efficiency"] = json::object();
  c["device"]["efficiency"]["fp16"]["compute"] = 0.5;
  const json alone = evaluate(c);
  c["device"]["efficiency"]["*"] = {
      {"compute", 0.9}, {"bandwidth", 0.1}, {"kv_bandwidth", 0.1}, {"layer_overhead", 1.0}};
  EXPECT_EQ(alone, evaluate(c));
}

TEST(GoldenReference, AbsentEfficienciesFollowTheirLikes) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");
  c["device"]["efficiency"]["*"] = {{"compute", 0.5}, {"bandwidth", 0.25}};
  const json defaults = evaluate(c);
  c["device"]["efficiency"]["*"] = {{"compute", 0.5},        {"attention", 0.5},
                                    {"bandwidth", 0.25},     {"kv_bandwidth", 0.25},
                                    {"layer_overhead", 0.0}, {"pass_overhead", 0.0}};
  EXPECT_EQ(evaluate(c), defaults);
}

TEST(GoldenReference, AbsentBytesFollowTheirLikes) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");
  c["architecture"]["tied"] = false;
  c["architecture"]["positions"] = 10;
  c["precision"] = {{"weight_bytes", 1},
                    {"head_bytes", 3},
                    {"activation_bytes", 2},
                    {"kv_bytes", 2},
                    {"matmul", "fp16"}};
  const double attention = 896.0 * (896 + 2 * 2 * 64) + 896.0 * 896;
  const double ffn = 3.0 * 896 * 4864;
  const double input_table = 3.0 * 896 * (151936 + 10);  // as the head
  const double head = 3.0 * 896 * 151936;
  EXPECT_EQ(24 * (attention + ffn) + input_table + head,
            evaluate(c).at("memory").at("weights").get<double>());
  c["architecture"]["tied"] = true;  // one table, stored as the head
  c["precision"]["embedding_bytes"] = 5;
  EXPECT_EQ(24 * (attention + ffn) + head + 5.0 * 896 * 10,
            evaluate(c).at("memory").at("weights").get<double>());
}

TEST(GoldenReference, AWindowWorkedByHand) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");  // 14 query heads and 2 key/value heads of 64
  c["architecture"]["window"] = 3;
  c["workload"] = {{"batch", 1}, {"input_tokens", 5}, {"output_tokens", 1}};
  const auto expect_attention = [](const json& ops, double keys, double cached_tokens) {
    const json& op = operator_named(ops.at(0), "attention");
    expect_close(keys * (4 * 14 * 64 + 5 * 14), op.at("flops").get<double>(), "flops");
    EXPECT_EQ(cached_tokens * 2 * 2 * 64 * 2, op.at("kv_bytes").get<double>());
  };
  const auto prefill_of_chunk = [&c](int chunk) {
    c["engine"]["prefill_chunk"] = chunk;
    return evaluate(c).at("prefill_layer_ops_of_last_pass");
  };
  expect_attention(prefill_of_chunk(0), 1 + 2 + 3 + 3 + 3, 5);
  expect_attention(prefill_of_chunk(3), 3 + 3, 4);  // tokens 4 and 5; the former attends 2, 3, 4
  expect_attention(prefill_of_chunk(2), 3, 3);
  EXPECT_EQ(3, evaluate(c).at("prefill_passes"));
  expect_attention(evaluate(c).at("decode_layer_ops_at_first_step"), 3, 3);

  const auto cache = [&c] { return evaluate(c).at("memory").at("kv").get<double>(); };
  EXPECT_EQ(24 * 3 * 2 * 2 * 64 * 2, cache());
  c["engine"]["window_cache"] = "full";
  EXPECT_EQ(24 * 6 * 2 * 2 * 64 * 2, cache());

  c["engine"]["attention"] = "eager";
  const json scores = operator_named(prefill_of_chunk(2).at(0), "scores");
  EXPECT_EQ(2 * 5 * 14 * 64, scores.at("flops").get<double>());  // masked keys are computed
}

TEST(GoldenReference, EagerScoresOfADecodeNeedSpace) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");
  c["engine"].update({{"attention", "eager"}, {"lm_head", false}});
  c["workload"] = {{"batch", 3}, {"input_tokens", 2}, {"output_tokens", 1000}};
  // Three sequences: two tokens each in prefill, scores of 1002 keys for 14 heads in decode.
  EXPECT_EQ(3 * 2 * (896 + 2 * 4864) * 2 + 3 * 1002 * 14 * 2,
            evaluate(c).at("memory").at("workspace").get<double>());
}

TEST(GoldenReference, GroupsTakeTheFieldsBesideThem) {
  json c = golden_case("llama1b/q4_k_m/nano/siso/{}");
  const json whole = evaluate(c);
  c["architecture"].erase("layers");
  c["architecture"]["window"] = 9;
  c["architecture"]["group"] = {{{"layers", 5}, {"window", 0}}, {{"layers", 11}, {"window", 0}}};
  const json cut = evaluate(c);
  EXPECT_EQ(whole.at("loss"), cut.at("loss"));
  EXPECT_EQ(whole.at("params_total"), cut.at("params_total"));
  EXPECT_EQ(whole.at("memory").at("kv"), cut.at("memory").at("kv"));
  expect_close(whole.at("total_s").get<double>(), cut.at("total_s").get<double>(), "total_s");
  for (const json& ops : cut.at("decode_layer_ops_at_first_step")) {
    EXPECT_EQ(whole.at("decode_layer_ops_at_first_step").at(0), ops);
  }
}

TEST(GoldenReference, ALawMayKnowTheTrainingTokens) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");
  c["law"] = published_coefficients();
  const double without = evaluate(c).at("loss").get<double>();
  c["law"].update({{"kappa_t", 500.0}, {"alpha_t", 0.5}, {"tokens", 1e10}});
  const json with = evaluate(c);
  expect_close(2.53 + 0.005, with.at("loss_terms").at(4).get<double>(), "constant");
  expect_close(without + 0.005, with.at("loss").get<double>(), "loss");
}

TEST(GoldenReference, WrongInputIsRefused) {
  const json good = golden_case("olmoe/int8/thor/b4/{}");
  const auto with = [&good](const char* table, const char* key, const json& value) {
    json c = good;
    c[table][key] = value;
    return c;
  };
  EXPECT_NO_THROW(evaluate(good));
  EXPECT_THROW(evaluate(with("workload", "batch", 0)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("workload", "input_tokens", -1)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("workload", "output_tokens", -1)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "expert_ffn", 0)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "top_k", 65)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "ffn_sparsity", 1.0)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "ffn_sparsity", -0.1)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "kv_heads", 5)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "top_k", 0)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "width", 0)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "window", -1)), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "attention", "linear")), std::invalid_argument);
  EXPECT_THROW(evaluate(with("architecture", "group", json::array())), std::invalid_argument);
  EXPECT_THROW(evaluate(with("precision", "matmul", "fp4")), std::invalid_argument);
  EXPECT_THROW(evaluate(with("engine", "prefill_chunk", -1)), std::invalid_argument);

  json nothing = with("architecture", "attention", "none");
  EXPECT_NO_THROW(evaluate(nothing));
  nothing["architecture"]["ffn"] = "none";
  EXPECT_THROW(evaluate(nothing), std::invalid_argument);
  json elsewhere = golden_case("plm/fp16/nano_cal/vla/{}");
  elsewhere["architecture"]["window"] = 128;
  EXPECT_THROW(evaluate(elsewhere), std::invalid_argument);
  json unmasked = with("engine", "causal", false);
  EXPECT_NO_THROW(evaluate(unmasked));  // the prompt fits one pass
  unmasked["engine"]["prefill_chunk"] = 100;
  EXPECT_THROW(evaluate(unmasked), std::invalid_argument);

  const json& g = golden().at("frontiers").at(0);
  const auto target = [&g](const char* latency, int input_tokens, int output_tokens) {
    json changed = g;
    changed["latency"] = latency;
    changed["workload"]["input_tokens"] = input_tokens;
    changed["workload"]["output_tokens"] = output_tokens;
    return frontier_of(changed, std::nullopt, nullptr);
  };
  EXPECT_THROW(target("tpot", 16, 0), std::invalid_argument);
  EXPECT_THROW(target("prefill", 0, 1), std::invalid_argument);
  EXPECT_THROW(target("decode", 16, 1), std::invalid_argument);
  EXPECT_THROW(target("energy", 16, 1), std::invalid_argument);  // of unknown powers
}

TEST(GoldenReference, ExtrapolationFollowsTheRangeOfTheLaw) {
  json c = golden_case("qwen05/fp16/orin/vla/{}");
  const auto extrapolated = [&c] { return evaluate(c).at("extrapolated").get<bool>(); };
  EXPECT_FALSE(extrapolated());
  c["architecture"]["layers"] = 33;
  EXPECT_TRUE(extrapolated());
  c["law"] = published_coefficients();
  c["law"]["range"] = {{"layers", {4, 33}}, {"kv_heads", json::array({"heads"})}};
  EXPECT_TRUE(extrapolated());  // 2 key/value heads of 14
  c["architecture"]["kv_heads"] = 14;
  EXPECT_FALSE(extrapolated());
  c["law"]["range"]["ffn"] = json::array({"plain"});
  EXPECT_TRUE(extrapolated());
  c["law"].erase("range");
  EXPECT_FALSE(extrapolated());  // a law without ranges states none to leave
  c["architecture"]["window"] = 4096;
  EXPECT_TRUE(extrapolated());  // of which no range speaks
}

TEST(GoldenReference, IndexOfASpaceWorkedByHand) {
  // Radices: widths 3, attention 3 (two kv_heads, one set of ranks), experts 2, top_k 2, layers 2.
  const json space = {{"attention", {"gqa", "mla"}},
                      {"widths", {64, 128, 160}},  // 160 is no multiple of 64
                      {"head_dim", 64},
                      {"kv_heads", {1, "heads"}},  // at width 64 "heads" is 1, which is listed
                      {"mla", json::array({{{"kv_lora_rank", 32},
                                            {"qk_nope_head_dim", 16},
                                            {"qk_rope_head_dim", 8},
                                            {"v_head_dim", 16}}})},
                      {"expert_ffn_ratio", json::array({1})},
                      {"experts", {1, 2}},
                      {"top_k", {1, 2}},  // only (1, 1) and (2, 1) are valid
                      {"layers", {2, 4}},
                      {"vocab", 100}};
  std::vector<long long> indices;
  for (const SpacePoint& p : enumerate(space)) {
    indices.push_back(p.index);
  }
  EXPECT_EQ((std::vector<long long>{0,  1,  4,  5,  16, 17, 20, 21, 24, 25,
                                    28, 29, 32, 33, 36, 37, 40, 41, 44, 45}),
            indices);

  const json last = enumerate(space).back().architecture;
  EXPECT_EQ((json{{"layers", 4},
                  {"width", 128},
                  {"heads", 2},
                  {"attention", "mla"},
                  {"q_lora_rank", 0},
                  {"kv_lora_rank", 32},
                  {"qk_nope_head_dim", 16},
                  {"qk_rope_head_dim", 8},
                  {"v_head_dim", 16},
                  {"ffn", "gated"},
                  {"expert_ffn", 128},
                  {"experts", 2},
                  {"top_k", 1},
                  {"shared_ffn", 0},
                  {"ffn_sparsity", 0.0},
                  {"vocab", 100},
                  {"tied", true}}),
            last);
}

TEST(GoldenReference, QueryRatioAndWindowPatternOfASpace) {
  const json space = {{"widths", {64, 96, 128}},  // 96 * 1.5 / 64 is not whole
                      {"head_dim", 64},
                      {"query_ratio", 1.5},
                      {"kv_heads", {1, 3, "heads"}},
                      {"expert_ffn_ratio", json::array({1})},
                      {"experts", json::array({1})},
                      {"top_k", json::array({1})},
                      {"layers", {4, 6, 12}},
                      {"window", {{"tokens", 16}, {"global_every", 6}}},
                      {"vocab", 100}};
  std::vector<long long> indices;
  for (const SpacePoint& p : enumerate(space)) {
    indices.push_back(p.index);
  }
  // At width 64 there are 1.5 heads, at width 128 there are 3, which are listed.
  EXPECT_EQ((std::vector<long long>{19, 20, 22, 23}), indices);

  const json first = enumerate(space).front().architecture;
  EXPECT_EQ(3, first.at("heads"));
  EXPECT_FALSE(first.contains("layers"));
  EXPECT_EQ(json::array({{{"layers", 1}, {"window", 0}}, {{"layers", 5}, {"window", 16}}}),
            first.at("group"));

  json unwindowed = space;
  unwindowed["window"]["global_every"] = 1;
  EXPECT_EQ(4, enumerate(unwindowed).front().architecture.at("layers"));
  EXPECT_FALSE(enumerate(unwindowed).front().architecture.contains("group"));
}

TEST(GoldenReference, ExpertSizesRoundHalfAwayFromZero) {
  const auto sizes = [](const json& ratios, int multiple_of) {
    std::vector<int> found;
    for (const SpacePoint& p : enumerate({{"widths", json::array({64})},
                                          {"head_dim", 64},
                                          {"kv_heads", json::array({1})},
                                          {"expert_ffn_ratio", ratios},
                                          {"ffn_multiple_of", multiple_of},
                                          {"experts", json::array({1})},
                                          {"top_k", json::array({1})},
                                          {"layers", json::array({2})},
                                          {"vocab", 100}})) {
      found.push_back(p.architecture.at("expert_ffn").get<int>());
    }
    return found;
  };
  EXPECT_EQ((std::vector<int>{64, 160}), sizes({1, 2.5}, 1));
  EXPECT_EQ((std::vector<int>{64, 192}), sizes({0.5, 2.5, 0.25}, 64));  // 16 rounds to 0: left out
}

TEST(GoldenReference, LimitsBudgetsAndRangesCutTheFrontier) {
  const json& total = golden().at("frontiers").at(0);  // latency total, no budget
  const std::vector<Point> whole = frontier_of(total, std::nullopt, nullptr);
  ASSERT_GT(whole.size(), 10U);

  // A limit on the target's own latency keeps a prefix, the point at the limit included.
  const json limits = json::object({{"max_total_s", whole[9].latency_s}});
  const std::vector<Point> cut = frontier_of(total, std::nullopt, limits);
  ASSERT_EQ(10U, cut.size());
  EXPECT_EQ(whole[9].index, cut.back().index);

  // The workload may carry the limit; the tighter one wins.
  json carried = total;
  carried["workload"]["max_total_s"] = whole[4].latency_s;
  EXPECT_EQ(5U, frontier_of(carried, std::nullopt, limits).size());

  // A budget is met by equality and by nothing less.
  const json& a = whole[0].architecture;
  json c = total;
  c["architecture"] = a;
  const double bytes = evaluate(c).at("memory_total").get<double>();
  ASSERT_FALSE(frontier_of(total, bytes, nullptr).empty());
  EXPECT_EQ(whole[0].index, frontier_of(total, bytes, nullptr).front().index);
  for (const Point& p : frontier_of(total, bytes - 1, nullptr)) {
    EXPECT_NE(whole[0].index, p.index);
  }

  // The whole space lies in the published range; a narrower law leaves out the deeper points.
  EXPECT_EQ(whole.size(), frontier_of(total, std::nullopt, nullptr, nullptr, true).size());
  json narrow = published_coefficients();
  narrow["range"]["layers"] = {4, 8};
  const std::vector<Point> shallow = frontier_of(total, std::nullopt, nullptr, narrow, true);
  ASSERT_FALSE(shallow.empty());
  for (const Point& p : shallow) {
    EXPECT_LE(p.architecture.at("layers").get<int>(), 8);
  }
  EXPECT_EQ(whole.size(), frontier_of(total, std::nullopt, nullptr, narrow, false).size());
}

TEST(GoldenReference, OfEqualPointsTheLowestIndexStays) {
  json g = golden().at("frontiers").at(0);
  // Ratios that round to the same expert size give the same architecture under two indices.
  g["space"]["expert_ffn_ratio"] = {1.0001, 1.0};
  g["space"]["ffn_multiple_of"] = 64;
  g["space"]["top_k"] = json::array({1});
  const std::vector<Point> twice = frontier_of(g, std::nullopt, nullptr);
  g["space"]["expert_ffn_ratio"] = json::array({1.0});
  const std::vector<Point> once = frontier_of(g, std::nullopt, nullptr);
  ASSERT_EQ(once.size(), twice.size());
  const long long block = 3LL * 6;  // experts (3), top_k (1) and layers (6) run below the ratio
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i].architecture, twice[i].architecture);
    EXPECT_EQ(once[i].index / block * 2 * block + once[i].index % block, twice[i].index);
  }
}

TEST(GoldenReference, HypervolumeWorkedByHand) {
  // From latency 1 to 10 the loss falls by 1 below the reference, from 10 to 100 by 2.
  EXPECT_DOUBLE_EQ(3.0, hypervolume({{1, 2}, {10, 1}}, 100, 3));
  EXPECT_DOUBLE_EQ(3.0, hypervolume({{10, 1}, {1, 2}}, 100, 3));
  // Dominated points and points on or beyond the reference add nothing.
  EXPECT_DOUBLE_EQ(
      3.0,
      hypervolume({{1, 2}, {10, 1}, {10, 2.5}, {1, 3}, {0.1, 4}, {100, 0}, {1000, 0}}, 100, 3));
  EXPECT_EQ(0.0, hypervolume({}, 100, 3));
  EXPECT_EQ(0.0, hypervolume({{1000, 1}}, 100, 3));
  EXPECT_THROW(hypervolume({{0, 1}}, 100, 3), std::invalid_argument);
}
