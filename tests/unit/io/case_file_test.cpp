// CASE.toml: what may be left out, named by id or written inline, and what is refused.

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/io/case_file.hpp"
#include "rooflaw/model/evaluation.hpp"
#include "unit/temporary_folder.hpp"

namespace rooflaw::testing {
namespace {

using ::testing::HasSubstr;

io::Case read(const std::string& text) {
  const TemporaryFolder folder;
  io::SourceFiles files;
  return io::read_case(files, folder.write("case.toml", text));
}

/// All faults as the user reads them; empty if there are none.
std::string faults(const std::string& text) {
  try {
    read(text);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}

const std::string architecture =
    "[architecture]\nlayers = 24\nwidth = 896\nheads = 14\nhead_dim = 64\nkv_heads = 2\n"
    "expert_ffn = 4864\nvocab = 151936\n";
const std::string by_id =
    "[precision]\nid = \"int8\"\n[device]\nid = \"jetson-agx-orin-64gb\"\n"
    "[workload]\nid = \"vla\"\n";

TEST(ReadCase, TablesByIdAndDefaults) {
  const auto c = read(architecture + by_id);
  EXPECT_EQ(model::AttentionKind::gqa, c.architecture.attention);
  EXPECT_EQ(model::FfnKind::gated, c.architecture.ffn);
  EXPECT_EQ(1, c.architecture.experts);
  EXPECT_EQ(1, c.architecture.top_k);
  EXPECT_EQ(0, c.architecture.shared_ffn);
  EXPECT_EQ(0, c.architecture.ffn_sparsity);
  EXPECT_TRUE(c.architecture.tied);
  EXPECT_EQ("int8", c.scenario.precision.id);
  EXPECT_EQ("jetson-agx-orin-64gb", c.scenario.device.id);
  EXPECT_EQ(1024, c.scenario.workload.input_tokens);
  EXPECT_EQ("codesign-2026", c.law.id);
  EXPECT_TRUE(c.law.range.layers);
}

TEST(ReadCase, AModelByItsId) {
  const auto c = read("[architecture]\nmodel = \"qwen2.5-0.5b\"\n" + by_id);
  const auto own = read(architecture + by_id);
  EXPECT_EQ(own.architecture, c.architecture);
  EXPECT_THAT(faults("[architecture]\nmodel = \"qwen2.5-0.6b\"\n" + by_id),
              HasSubstr("did you mean \"qwen2.5-0.5b\"?"));
}

TEST(ReadCase, FieldsBesideAnEntryReplaceItsOwn) {
  const std::string named = "[architecture]\nmodel = \"qwen2.5-0.5b\"\n";
  auto shallow = read(architecture + by_id).architecture;
  shallow.layers = 3;
  EXPECT_EQ(shallow, read(named + "layers = 3\n" + by_id).architecture);
  EXPECT_THAT(faults(named + "layers = 0\n" + by_id), HasSubstr("architecture.layers"));
  EXPECT_THAT(faults(named + "layer = 3\n" + by_id), HasSubstr("did you mean \"layers\"?"));

  const auto with_chip = [&](const std::string& changes) {
    return read(named + "[precision]\nid = \"int8\"\nkv_bytes = 1\n[workload]\nid = \"vla\"\n" +
                "[device]\nid = \"jetson-agx-orin-64gb\"\n" + changes);
  };
  const auto plain = with_chip("").scenario, changed = with_chip("bandwidth = 1e11\n").scenario;
  EXPECT_EQ("jetson-agx-orin-64gb", plain.device.id);
  EXPECT_EQ(1, plain.precision.kv_bytes);
  EXPECT_EQ(1, plain.precision.weight_bytes);
  EXPECT_THAT(plain.precision.id, ::testing::MatchesRegex("int8\\+[0-9a-f]{8}"));
  EXPECT_EQ(1e11, changed.device.bandwidth_bytes_per_s);
  EXPECT_EQ(plain.device.peak_flops, changed.device.peak_flops);
  EXPECT_THAT(changed.device.id, ::testing::MatchesRegex("jetson-agx-orin-64gb\\+[0-9a-f]{8}"));
  EXPECT_EQ(changed.device.id, with_chip("bandwidth = 1e11\n").scenario.device.id);
  EXPECT_NE(changed.device.id, with_chip("bandwidth = 2e11\n").scenario.device.id);
  // Efficiencies are those of the unchanged precision.
  EXPECT_EQ(model::Basis::measured,
            with_chip("efficiency = {int8 = {compute = 0.5}}\n").scenario.trust.decode.basis);
}

TEST(ReadCase, InlineTablesAreLabelledByTheirId) {
  const auto c = read(architecture +
                      "[precision]\nid = \"mine\"\nweight_bytes = 1\nactivation_bytes = 2\n"
                      "kv_bytes = 2\nmatmul = \"bf16\"\nattention = \"fp32\"\n"
                      "[device]\nbandwidth = 1e11\npeak_flops = {bf16 = 1e13}\n"
                      "[device.efficiency.mine]\ncompute = 0.5\n"
                      "[workload]\nbatch = 3\ninput_tokens = 0\noutput_tokens = 4\n"
                      "[engine]\nlm_head = false\n");
  EXPECT_EQ("mine", c.scenario.precision.id);
  EXPECT_EQ(2, c.scenario.precision.input_bytes);
  EXPECT_EQ(1, c.scenario.precision.head_bytes);
  EXPECT_EQ(model::ComputeType::bf16, c.scenario.attention_type);  // the chip lacks fp32
  EXPECT_DOUBLE_EQ(2e-13, c.scenario.rates.s_per_matmul_flop);
  EXPECT_FALSE(c.scenario.engine.lm_head);
  EXPECT_TRUE(std::isfinite(model::evaluate(c.law, c.architecture, c.scenario).tpot_s));
}

TEST(ReadCase, MissingTables) {
  const std::string all = faults("[engine]\ncausal = true\n");
  for (const char* table : {"architecture", "precision", "device", "workload"})
    EXPECT_THAT(all, HasSubstr(std::string(table) + ": is missing"));
}

TEST(ReadCase, RulesBetweenFieldsOfAnArchitecture) {
  const auto with = [&](const std::string& line) { return faults(architecture + line + by_id); };
  EXPECT_EQ("", with("tied = false\n"));
  EXPECT_THAT(with("top_k = 2\n"), HasSubstr("architecture.top_k = 2"));
  EXPECT_THAT(with("experts = 4\ntop_k = 5\n"), HasSubstr("architecture.top_k = 5"));
  EXPECT_THAT(with("ffn_sparsity = 1.0\n"), HasSubstr("architecture.ffn_sparsity = 1.0"));
  EXPECT_THAT(with("shared_fnn = 3\n"), HasSubstr("did you mean \"shared_ffn\"?"));
  EXPECT_THAT(with("kv_lora_rank = 3\n"), HasSubstr("architecture.kv_lora_rank"));  // not of gqa
  std::string seven = architecture;
  seven.replace(seven.find("kv_heads = 2"), 12, "kv_heads = 4");
  EXPECT_THAT(faults(seven + by_id), HasSubstr("architecture.kv_heads = 4: must divide"));
  std::string none = architecture;
  none.replace(none.find("expert_ffn = 4864"), 17, "expert_ffn = 0");
  EXPECT_THAT(faults(none + by_id), HasSubstr("architecture.expert_ffn = 0"));
}

TEST(ReadCase, ATypeTheChipLacks) {
  const std::string text = architecture +
                           "[precision]\nid = \"fp4\"\n[device]\nid = \"jetson-agx-orin-64gb\"\n" +
                           "[workload]\nid = \"vla\"\n";
  EXPECT_THAT(faults(text), HasSubstr("fp4"));
}

TEST(ReadCase, AllFaultsAtOnceWithTheirLines) {
  const std::string text =
      "[architecture]\nlayers = 0\nwidth = 64\nheads = 2\nhead_dim = 32\nkv_heads = 1\n"
      "expert_ffn = 9\nvocab = 9\n[precision]\nid = \"int99\"\n[device]\nbandwidth = nan\n"
      "peak_flops = {fp16 = 1e12}\n[workload]\nbatch = 1\ninput_tokens = 1\n";
  const std::string all = faults(text);
  EXPECT_THAT(all, HasSubstr("case.toml:2:10: architecture.layers = 0"));
  EXPECT_THAT(all, HasSubstr("case.toml:10:6: precision.id"));
  EXPECT_THAT(all, HasSubstr("case.toml:12:13: device.bandwidth = nan"));
  EXPECT_THAT(all, HasSubstr("case.toml:14:1: workload.output_tokens: is missing"));
}

}  // namespace
}  // namespace rooflaw::testing
