// More of anything that must be moved or computed is never faster, and never smaller, to the bit.

#include <cmath>

#include <gtest/gtest.h>

#include "unit/random_cases.hpp"

namespace rooflaw::model {
namespace {

using rooflaw::testing::Random;
using testing::json;

struct Quantities {
  double prefill_s, decode_s, total_s, weights, memory;
};

Quantities quantities(const json& c) {
  const auto e =
      evaluate(testing::published_law(), testing::architecture_from(c.at("architecture")),
               testing::scenario_from(c));
  return {e.prefill.seconds, e.decode.seconds, e.total_s, e.memory.weights, e.memory.total()};
}

void expect_no_less(const json& small, const json& large, const std::string& what) {
  const Quantities a = quantities(small), b = quantities(large);
  EXPECT_LE(a.prefill_s, b.prefill_s) << what << small.dump();
  EXPECT_LE(a.decode_s, b.decode_s) << what << small.dump();
  EXPECT_LE(a.total_s, b.total_s) << what << small.dump();
  EXPECT_LE(a.weights, b.weights) << what << small.dump();
  EXPECT_LE(a.memory, b.memory) << what << small.dump();
}

/// Each step of +1 (or to a next value) of an axis, on a random case.
class Monotone : public ::testing::Test {
 protected:
  template <class Grow>
  void check(const char* what, Grow grow) {
    for (int i = 0; i < 1500 && !HasFailure(); ++i) {
      const json small = testing::random_case(random_, 3000);
      json large = small;
      grow(large);
      expect_no_less(small, large, std::string(what) + ": ");
    }
  }
  static void add(json& table, const char* key, std::int64_t more) {
    table[key] = testing::integer_of(table, key, 0) + more;
  }
  Random random_{99};
};

TEST_F(Monotone, Layers) {
  check("layers", [](json& c) { add(c["architecture"], "layers", 1); });
}
TEST_F(Monotone, Width) {
  check("width", [](json& c) { add(c["architecture"], "width", 1); });
}
TEST_F(Monotone, ExpertFfn) {
  check("expert_ffn", [](json& c) { add(c["architecture"], "expert_ffn", 1); });
}
TEST_F(Monotone, SharedFfn) {
  check("shared_ffn", [](json& c) { add(c["architecture"], "shared_ffn", 1); });
}
TEST_F(Monotone, Vocab) {
  check("vocab", [](json& c) { add(c["architecture"], "vocab", 1); });
}
TEST_F(Monotone, Heads) {
  check("heads", [](json& c) { add(c["architecture"], "heads", c["architecture"]["heads"]); });
}
TEST_F(Monotone, KvHeads) {
  check("kv_heads", [](json& c) {
    json& a = c["architecture"];
    if (a.contains("kv_heads")) a["kv_heads"] = a["heads"];
  });
}
TEST_F(Monotone, LatentRanks) {
  check("ranks", [](json& c) {
    json& a = c["architecture"];
    if (a.contains("kv_lora_rank")) add(a, "kv_lora_rank", 1);
    if (testing::integer_of(a, "q_lora_rank", 0) > 0) add(a, "q_lora_rank", 1);
  });
}
TEST_F(Monotone, TopK) {
  check("top_k", [](json& c) {
    json& a = c["architecture"];
    if (testing::integer_of(a, "experts", 1) > testing::integer_of(a, "top_k", 1))
      add(a, "top_k", testing::integer_of(a, "top_k", 1) == 1 && !a.contains("top_k") ? 2 : 1);
  });
}
TEST_F(Monotone, Experts) {
  check("experts", [](json& c) {
    json& a = c["architecture"];
    if (a.contains("experts")) add(a, "experts", 1);
  });
}
TEST_F(Monotone, Untied) {
  check("tied", [](json& c) { c["architecture"]["tied"] = false; });
}
TEST_F(Monotone, Tokens) {
  check("input_tokens", [](json& c) { add(c["workload"], "input_tokens", 1); });
  check("output_tokens", [](json& c) { add(c["workload"], "output_tokens", 1); });
  check("batch", [](json& c) { add(c["workload"], "batch", 1); });
}

TEST_F(Monotone, Chips) {
  check("a slower chip", [&](json& c) {
    json& d = c["device"];
    switch (random_.integer(0, 2)) {
      case 0:
        d["bandwidth"] = std::nextafter(d["bandwidth"].get<double>(), 0.0);
        break;
      case 1:
        for (auto& peak : d["peak_flops"]) peak = std::nextafter(peak.get<double>(), 0.0);
        break;
      default:
        for (auto& peak : d["peak_flops"]) peak = 0.5 * peak.get<double>();
        d["bandwidth"] = 0.5 * d["bandwidth"].get<double>();
    }
  });
}

TEST_F(Monotone, Engines) {
  check("worse attention kernels", [](json& c) {
    json e = c["engine"].is_null() ? json::object() : c["engine"];
    e["kv_traffic"] = "query_heads";
    c["engine"] = e;
  });
  check("not causal", [](json& c) {
    json e = c["engine"].is_null() ? json::object() : c["engine"];
    e["causal"] = false;
    c["engine"] = e;
  });
}

/// The search adds the blocks of a layer as they come from tables; a block that is no slower must
/// leave the sum no slower.
TEST_F(Monotone, SumsOfBlocks) {
  const Weights total = weights(Objective::total, Scenario{});
  for (int i = 0; i < 100000 && !HasFailure(); ++i) {
    const double attention = random_.log_real(1e-9, 1), ffn = random_.log_real(1e-9, 1);
    const double overhead = random_.chance(0.5) ? 0 : random_.log_real(1e-7, 1e-3);
    const double head = random_.log_real(1e-9, 1);
    const double more = std::nextafter(ffn, 1e9);
    const auto phase = [&](double layers, double block) {
      return phase_time(layers, layer_time(attention, block, overhead), head);
    };
    const auto layers = static_cast<double>(random_.integer(1, 100));
    EXPECT_LE(phase(layers, ffn), phase(layers, more));
    EXPECT_LE(phase(layers, ffn), phase(layers + 1, ffn));
    EXPECT_LE(weighted_time(total, phase(layers, ffn), head),
              weighted_time(total, phase(layers, more), head));
  }
}

TEST(DistinctExperts, LieBetweenTopKAndAll) {
  Random random(3);
  EXPECT_EQ(1, distinct_experts(1.0, 1.0, 1000));
  EXPECT_EQ(1, distinct_experts(1.0, 1.0, 1));
  for (int i = 0; i < 5000 && !::testing::Test::HasFailure(); ++i) {
    const auto experts = static_cast<double>(random.integer(2, 512));
    const auto top_k = static_cast<double>(random.integer(1, static_cast<int>(experts)));
    EXPECT_EQ(top_k, distinct_experts(experts, top_k, 1));  // one token meets exactly top_k
    const auto tokens = static_cast<double>(random.integer(2, 5000));
    const double n = distinct_experts(experts, top_k, tokens);
    EXPECT_GE(n, top_k);
    EXPECT_LE(n, experts);
    EXPECT_LE(distinct_experts(experts, top_k, tokens - 1), n);
    EXPECT_NEAR(experts * (1 - std::pow(1 - top_k / experts, tokens)), n, 1e-10 * n);
  }
}

}  // namespace
}  // namespace rooflaw::model
