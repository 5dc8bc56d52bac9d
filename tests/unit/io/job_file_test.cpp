// Sound jobs in every form the contract allows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/io/job_text.hpp"

namespace rooflaw::testing {
namespace {

using io::Job;
using model::Objective;
using ::testing::ElementsAre;

Job read_changed(const std::map<std::string, std::string>& changes,
                 const std::vector<std::string>& overrides = {}) {
  return read_job_text(job_text(changes), overrides);
}

TEST(ReadJob, TheSmallOne) {
  const Job job = read_changed({});
  EXPECT_EQ("trial", job.name);
  EXPECT_EQ(job_text(), job.text);
  const auto& space = job.question.space;
  EXPECT_THAT(space.layers, ElementsAre(4, 8));
  EXPECT_THAT(space.widths, ElementsAre(256, 512));
  EXPECT_EQ(64, space.head_dim);
  EXPECT_EQ(search::gqa_choices({1, model::all_heads}), space.attention);
  EXPECT_THAT(space.expert_ffn_ratio, ElementsAre(1, 2.5));
  EXPECT_THAT(space.experts, ElementsAre(1, 8));
  EXPECT_THAT(space.top_k, ElementsAre(1, 2));
  EXPECT_EQ(32000, space.vocab);
  EXPECT_TRUE(space.tied);
  EXPECT_EQ(1, space.ffn_multiple_of);
  EXPECT_EQ(0, space.ffn_sparsity);
  EXPECT_THAT(space.shared_ffn, ElementsAre(0));
  EXPECT_THAT(space.ffn, ElementsAre(model::FfnKind::gated));
  ASSERT_EQ(1u, job.question.laws.size());
  EXPECT_EQ("codesign-2026", job.question.laws[0].id);
  EXPECT_EQ(9.96, job.question.laws[0].kappa_l);
  EXPECT_FALSE(space.within);
  ASSERT_EQ(1u, job.question.targets.size());
  EXPECT_EQ("jetson-agx-orin-64gb.fp16.vla.tpot", job.question.targets[0].id);
  ASSERT_EQ(1u, job.question.deployments.size());
  const auto& deployment = job.question.deployments[0];
  // What the system leaves is the default.
  EXPECT_EQ(usable_memory(deployment.scenario.device)->bytes,
            deployment.limits.of(Objective::memory));
  EXPECT_TRUE(std::isinf(deployment.limits.of(Objective::total)));
  EXPECT_TRUE(deployment.scenario.engine.flash);
  EXPECT_TRUE(deployment.scenario.engine.causal);
  EXPECT_TRUE(deployment.scenario.engine.lm_head);
  EXPECT_FALSE(deployment.scenario.engine.query_heads);
  EXPECT_FALSE(deployment.scenario.engine.mla_expanded);
}

TEST(ReadJob, RangesIncludeTheirEnd) {
  const auto space = read_changed({{"space.layers", "{from = 4, to = 32, step = 4}"},
                                   {"space.widths", "{from = 64, to = 192, step = 64}"},
                                   {"space.kv_heads", "[1]"},
                                   {"space.expert_ffn_ratio", "{from = 0.5, to = 0.8, step = 0.1}"},
                                   {"space.top_k", "{from = 1, to = 1, step = 1}"}})
                         .question.space;
  EXPECT_THAT(space.layers, ElementsAre(4, 8, 12, 16, 20, 24, 28, 32));
  EXPECT_THAT(space.widths, ElementsAre(64, 128, 192));
  EXPECT_THAT(space.top_k, ElementsAre(1));
  ASSERT_EQ(4u, space.expert_ffn_ratio.size());
  EXPECT_DOUBLE_EQ(0.8, space.expert_ffn_ratio[3]);
}

TEST(ReadJob, EveryAxisOfTheSpace) {
  const auto space =
      read_changed({{"space.attention", "[\"gqa\", \"mla\"]"},
                    {"space.mla",
                     "[{kv_lora_rank = 512, q_lora_rank = 96, qk_nope_head_dim = 128, "
                     "qk_rope_head_dim = 64, v_head_dim = 120}]"},
                    {"space.ffn", "[\"plain\", \"gated\"]"},
                    {"space.ffn_sparsity", "0.9"},
                    {"space.shared_ffn", "[0, 512]"},
                    {"space.ffn_multiple_of", "64"},
                    {"space.tied", "false"}})
          .question.space;
  ASSERT_EQ(3u, space.attention.size());  // in the order of `attention`
  EXPECT_EQ(search::gqa_choices({1, model::all_heads})[1], space.attention[1]);
  EXPECT_EQ(search::mla_choices({{512, 96, 128, 64, 120}})[0], space.attention[2]);
  EXPECT_THAT(space.ffn, ElementsAre(model::FfnKind::plain, model::FfnKind::gated));
  EXPECT_EQ(0.9, space.ffn_sparsity);
  EXPECT_THAT(space.shared_ffn, ElementsAre(0, 512));
  EXPECT_EQ(64, space.ffn_multiple_of);
  EXPECT_FALSE(space.tied);
}

TEST(ReadJob, TargetsAreTheProductAndThoseOfASettingStandTogether) {
  const Job job = read_changed({{"targets.devices",
                                 "[\"jetson-agx-orin-64gb\", "
                                 "\"jetson-orin-nano-super-8gb\"]"},
                                {"targets.precisions", "[\"fp16\", \"int8\"]"},
                                {"targets.workloads", "[\"vla\", \"siso\"]"},
                                {"targets.latency", "[\"prefill\", \"tpot\", \"total\"]"}});
  EXPECT_EQ(24u, job.question.targets.size());
  EXPECT_EQ(8u, job.question.deployments.size());
  for (std::size_t i = 0; i < 24; ++i) {
    const auto& t = job.question.targets[i];
    EXPECT_EQ(i / 3, t.deployment);
    const auto& s = job.question.deployments[t.deployment].scenario;
    EXPECT_EQ(s.device.id + "." + s.precision.id + "." + s.workload.id + "." +
                  std::string(to_string(t.objective)),
              t.id);
  }
}

constexpr auto inline_device =
    "{id = \"mine\", bandwidth = 1e11, peak_flops = {fp16 = 2e13}, "
    "efficiency = {\"*\" = {compute = 0.5, layer_overhead = 1e-5}}}";

TEST(ReadJob, InlineTables) {
  const Job job = read_changed(
      {{"targets.devices", std::string("[") + inline_device + "]"},
       {"targets.precisions",
        "[{id = \"w4\", weight_bytes = 0.5, activation_bytes = 2, kv_bytes = 1, matmul = "
        "\"fp16\", loss_delta = 0.05}]"},
       {"targets.workloads", "[{id = \"chat\", batch = 2, input_tokens = 7, output_tokens = 9}]"},
       {"targets.memory_budget", "4e9"}});
  ASSERT_EQ(1u, job.question.targets.size());
  EXPECT_EQ("mine.w4.chat.tpot", job.question.targets[0].id);
  const auto& deployment = job.question.deployments[0];
  const auto& s = deployment.scenario;
  EXPECT_EQ(4e9, deployment.limits.of(Objective::memory));
  EXPECT_EQ(1e11, s.device.bandwidth_bytes_per_s);
  EXPECT_FALSE(s.device.memory_bytes);
  EXPECT_EQ(model::Basis::measured, s.trust.decode.basis);
  EXPECT_DOUBLE_EQ(1e-13, s.rates.s_per_matmul_flop);
  EXPECT_EQ(1e-5, s.rates.layer_overhead_s);
  EXPECT_EQ(2, s.precision.input_bytes);   // activation_bytes
  EXPECT_EQ(0.5, s.precision.head_bytes);  // weight_bytes
  EXPECT_EQ(0.05, s.precision.loss_delta);
  EXPECT_EQ(2, s.workload.batch);
  EXPECT_EQ(7, s.workload.input_tokens);
  EXPECT_EQ(9, s.workload.output_tokens);
}

TEST(ReadJob, AFileStandsForAllItsEntries) {
  const TemporaryFolder folder;
  folder.write("chips.toml",
               "[[device]]\nid = \"a\"\nbandwidth = 1e11\nmemory_bytes = 1e9\n"
               "peak_flops = {fp16 = 1e13}\nvendor = \"us\"\n"
               "[[device]]\nid = \"b\"\nbandwidth = 2e11\nmemory_bytes = 2e9\n"
               "peak_flops = {fp16 = 3e13}\n");
  io::SourceFiles files;
  const Job job = io::read_job(
      files, folder.write("job.toml", job_text({{"targets.devices", "[\"./chips.toml\"]"}})), {});
  ASSERT_EQ(2u, job.question.targets.size());
  EXPECT_EQ("a.fp16.vla.tpot", job.question.targets[0].id);
  EXPECT_EQ("b.fp16.vla.tpot", job.question.targets[1].id);
  EXPECT_EQ(0.85 * 2e9, job.question.deployments[1].limits.of(Objective::memory));
}

TEST(ReadJob, MemoryBudgets) {
  const auto budget = [](const char* text) {
    return read_changed({{"targets.memory_budget", text}})
        .question.deployments[0]
        .limits.of(Objective::memory);
  };
  EXPECT_EQ(68719476736.0, budget("\"capacity\""));
  EXPECT_TRUE(std::isinf(budget("\"none\"")));
  EXPECT_EQ(1610612736.0, budget("1610612736"));
  EXPECT_EQ(2.5e9, budget("2.5e9"));
}

TEST(ReadJob, TheTighterLimitWins) {
  const Job job = read_changed(
      {{"targets.max_tpot_s", "0.02"},
       {"targets.max_total_s", "3"},
       {"targets.workloads",
        "[{id = \"tight\", batch = 1, input_tokens = 8, output_tokens = 8, max_tpot_s = 0.01, "
        "max_prefill_s = 0.5}, {id = \"loose\", batch = 1, input_tokens = 8, output_tokens = 8, "
        "max_tpot_s = 0.1, max_total_s = 1}]"}});
  const auto& tight = job.question.deployments[0].limits;
  EXPECT_EQ(0.01, tight.of(Objective::tpot));
  EXPECT_EQ(0.5, tight.of(Objective::prefill));
  EXPECT_EQ(3, tight.of(Objective::total));
  const auto& loose = job.question.deployments[1].limits;
  EXPECT_EQ(0.02, loose.of(Objective::tpot));
  EXPECT_TRUE(std::isinf(loose.of(Objective::prefill)));
  EXPECT_EQ(1, loose.of(Objective::total));
}

TEST(ReadJob, MissingPrecisionsAreSkippedOnRequest) {
  const std::map<std::string, std::string> changes{
      {"targets.devices", std::string("[\"jetson-agx-orin-64gb\", ") + inline_device + "]"},
      {"targets.precisions", "[\"fp16\", \"int8\"]"},
      {"targets.memory_budget", "\"none\""}};
  EXPECT_FALSE(job_faults(job_text(changes)).empty());
  auto skip = changes;
  skip["targets.missing_precision"] = "\"skip\"";
  std::vector<std::string> ids;
  for (const auto& t : read_changed(skip).question.targets) ids.push_back(t.id);
  EXPECT_THAT(ids, ElementsAre("jetson-agx-orin-64gb.fp16.vla.tpot",
                               "jetson-agx-orin-64gb.int8.vla.tpot", "mine.fp16.vla.tpot"));
}

TEST(ReadJob, Overrides) {
  const Job job = read_changed({}, {"job.name=other", "space.layers=[16]", "targets.max_tpot_s=0.5",
                                    "engine.attention=eager", "targets.memory_budget=none",
                                    "space.widths={from=64,to=128,step=64}"});
  EXPECT_EQ("other", job.name);
  EXPECT_THAT(job.question.space.layers, ElementsAre(16));
  EXPECT_THAT(job.question.space.widths, ElementsAre(64, 128));
  const auto& deployment = job.question.deployments[0];
  EXPECT_EQ(0.5, deployment.limits.of(Objective::tpot));
  EXPECT_FALSE(deployment.scenario.engine.flash);  // a table the job did not have
  EXPECT_TRUE(std::isinf(deployment.limits.of(Objective::memory)));
  // What was run is what the result keeps: reading it again gives the same job.
  const Job again = read_job_text(job.text);
  EXPECT_EQ("other", again.name);
  EXPECT_EQ(job.question.space.layers, again.question.space.layers);
  EXPECT_EQ(job.question.space.expert_ffn_ratio, again.question.space.expert_ffn_ratio);
  EXPECT_FALSE(again.question.deployments[0].scenario.engine.flash);
}

TEST(ReadJob, Engine) {
  const auto engine = read_changed({{"engine.attention", "\"eager\""},
                                    {"engine.causal", "false"},
                                    {"engine.lm_head", "false"},
                                    {"engine.kv_traffic", "\"query_heads\""},
                                    {"engine.mla", "\"expanded\""}})
                          .question.deployments[0]
                          .scenario.engine;
  EXPECT_FALSE(engine.flash);
  EXPECT_FALSE(engine.causal);
  EXPECT_FALSE(engine.lm_head);
  EXPECT_TRUE(engine.query_heads);
  EXPECT_TRUE(engine.mla_expanded);
}

TEST(ReadJob, Laws) {
  const auto enforced =
      read_changed({{"law.range", "\"enforce\""}, {"space.widths", "[512, 768]"}}).question;
  ASSERT_TRUE(enforced.space.within);
  EXPECT_EQ(enforced.laws.at(0).range.layers, enforced.space.within->layers);
  EXPECT_FALSE(read_changed({{"law.range", "\"flag\""}}).question.space.within);
  const std::map<std::string, std::string> own{
      {"law.id", "\"own\""},     {"law.kappa_l", "10"},   {"law.alpha_l", "1.5"},
      {"law.kappa_rho", "0.03"}, {"law.alpha_rho", "1"},  {"law.alpha_r", "0.2"},
      {"law.beta_1", "-0.3"},    {"law.kappa_d", "400"},  {"law.beta_2", "0.9"},
      {"law.kappa_m", "0.1"},    {"law.alpha_m", "0.06"}, {"law.l_inf", "2"}};
  const auto law = read_changed(own).question.laws.at(0);
  EXPECT_EQ("own", law.id);
  EXPECT_EQ(-0.3, law.beta_1);
  EXPECT_FALSE(law.range.layers);  // states no range
  auto policy = own;
  policy["law.range"] = "\"flag\"";  // of the job, not of the law
  EXPECT_FALSE(read_changed(policy).question.laws.at(0).range.layers);
  auto ranged = own;
  ranged["law.range"] =
      "{layers = [2, 8], experts_top_k = [[1, 1], [4, 2]], kv_heads = [1, "
      "\"heads\"], attention = [\"mla\"], ffn = [\"plain\"], shared_ffn = [0, 9]}";
  const auto range = read_changed(ranged).question.laws.at(0).range;
  EXPECT_EQ((model::Interval{2, 8}), range.layers);
  EXPECT_FALSE(range.width);
  EXPECT_THAT(*range.experts_top_k, ElementsAre(std::pair{1, 1}, std::pair{4, 2}));
  EXPECT_THAT(*range.kv_heads, ElementsAre(1, model::all_heads));
  EXPECT_THAT(*range.attention, ElementsAre(model::AttentionKind::mla));
}

TEST(ReadJob, SeveralLawsHaveTheirTargetsEach) {
  const TemporaryFolder folder;
  folder.write("law.toml", law_text("mine", 9));
  io::SourceFiles files;
  const Job job = io::read_job(
      files,
      folder.write("job.toml", job_text({{"law.id", "[\"codesign-2026\", \"law.toml\"]"},
                                         {"targets.devices",
                                          "[\"jetson-agx-orin-64gb\", \"jetson-thor-t5000\"]"},
                                         {"targets.latency", "[\"tpot\", \"total\"]"}})),
      {});
  const auto& question = job.question;
  ASSERT_EQ(2u, question.laws.size());
  EXPECT_EQ(9.96, question.laws[0].kappa_l);
  EXPECT_EQ(9, question.laws[1].kappa_l);
  ASSERT_EQ(2u, question.deployments.size());
  std::vector<std::string> targets;
  for (const auto& t : question.targets) {
    targets.push_back(law_of(question, t).id + " " + t.id);
    const auto& s = deployment_of(question, t).scenario;
    EXPECT_EQ(s.device.id + ".fp16.vla." + std::string(to_string(t.objective)), t.id);
  }
  const std::string orin = "jetson-agx-orin-64gb.fp16.vla.", thor = "jetson-thor-t5000.fp16.vla.";
  EXPECT_THAT(targets, ElementsAre("codesign-2026 " + orin + "tpot", "mine " + orin + "tpot",
                                   "codesign-2026 " + orin + "total", "mine " + orin + "total",
                                   "codesign-2026 " + thor + "tpot", "mine " + thor + "tpot",
                                   "codesign-2026 " + thor + "total", "mine " + thor + "total"));
  std::vector<std::string> texts;
  for (const auto& input : job.inputs)
    if (input.kind == "law") texts.push_back(input.id);
  EXPECT_THAT(texts, ElementsAre("codesign-2026", "mine"));
}

TEST(ReadJob, KeepsTheTextOfEveryTableUsed) {
  const Job job = read_changed({{"targets.devices", std::string("[") + inline_device + "]"},
                                {"targets.memory_budget", "\"none\""}});
  std::map<std::string, std::string> ids;  // one of each kind, but for models
  for (const auto& input : job.inputs) {
    if (input.kind != "model") ids[input.kind] += input.id;
    EXPECT_FALSE(input.text.empty());
    EXPECT_NO_THROW(format::parse_toml(input.text, "text of " + input.id));
  }
  EXPECT_EQ((std::map<std::string, std::string>{{"device", "mine"},
                                                {"law", "codesign-2026"},
                                                {"precision", "fp16"},
                                                {"workload", "vla"}}),
            ids);
  EXPECT_GE(job.models.size(), 35u);
}

}  // namespace
}  // namespace rooflaw::testing
