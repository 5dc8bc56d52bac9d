// Wrong jobs: every fault at once, each where it stands.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/io/job_text.hpp"

namespace rooflaw::testing {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::Field;
using ::testing::HasSubstr;

struct Wrong {
  std::string key, value, rule, hint = "";
};

/// space_layers_3: a name for each case, so that lists of tests read well.
std::string case_name(const ::testing::TestParamInfo<Wrong>& info) {
  std::string name = info.param.key + "_" + std::to_string(info.index);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

/// The job with one line changed has a fault of that key, on that line, for that reason.
class WrongLine : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongLine, IsReportedWhereItStands) {
  const Wrong& wrong = GetParam();
  const std::string text = job_text({{wrong.key, wrong.value}});
  const auto faults = job_faults(text);
  ASSERT_FALSE(faults.empty());
  const std::string last = wrong.key.substr(wrong.key.find('.') + 1);
  const auto found = std::find_if(faults.begin(), faults.end(), [&](const InputFault& f) {
    return f.rule.find(wrong.rule) != std::string::npos;
  });
  ASSERT_NE(faults.end(), found) << "first: " << faults.front().text();
  EXPECT_THAT(found->file, EndsWith("job.toml"));
  EXPECT_EQ(line_of(text, last + " = "), found->line) << found->text();
  EXPECT_GT(found->column, 0u);
  EXPECT_THAT(found->key, HasSubstr(wrong.key));
  EXPECT_THAT(found->hint, HasSubstr(wrong.hint));
}

INSTANTIATE_TEST_SUITE_P(
    Space, WrongLine,
    ::testing::Values(
        Wrong{"space.layer", "[4]", "unknown key", "layers"},
        Wrong{"space.layers", "4", "list, {from, to, step}"}, Wrong{"space.layers", "[]", "empty"},
        Wrong{"space.layers", "[4, 0]", "from 1 to"}, Wrong{"space.layers", "[4, -8]", "from 1 to"},
        Wrong{"space.layers", "[4, 4]", "twice"},
        Wrong{"space.layers", "[4, 8.5]", "whole numbers"},
        Wrong{"space.layers", "[4, \"many\"]", "whole numbers"},
        Wrong{"space.layers", "{from = 8, to = 4, step = 4}", "below from"},
        Wrong{"space.layers", "{from = 4, to = 9, step = 2}", "divide"},
        Wrong{"space.layers", "{from = 4, to = 8, step = 0}", "> 0"},
        Wrong{"space.layers", "{from = 4, to = 8, step = 0.5}", "whole numbers"},
        Wrong{"space.layers", "{from = 8, to = 4}", "below from"},
        Wrong{"space.layers", "{from = 4}", "missing"},
        Wrong{"space.layers", "{from = 1, to = 100000000}", "more than"},
        Wrong{"space.layers", "{from = 4, to = 8, steps = 4, step = 4}", "unknown key", "step"},
        Wrong{"space.layers", "{from = 1, to = 100000000, step = 1}", "more than"},
        Wrong{"space.widths", "[256, 100]", "head_dim must be whole"},
        Wrong{"space.kv_heads", "[1, 3]", "divide the heads"},
        Wrong{"space.kv_heads", "[1, \"head\"]", "\"heads\""},
        Wrong{"space.kv_heads", "[0]", ">= 1"},
        Wrong{"space.expert_ffn_ratio", "[0.0001, 1]", "size 0"},
        Wrong{"space.expert_ffn_ratio", "[nan]", "(0, 1000000]"},
        Wrong{"space.expert_ffn_ratio", "[inf]", "(0, 1000000]"},
        Wrong{"space.expert_ffn_ratio", "[0]", "(0, 1000000]"},
        Wrong{"space.top_k", "[1, 8]", "fewer than the experts"},
        Wrong{"space.head_dim", "0", "from 1 to"}, Wrong{"space.vocab", "-5", "from 1 to"},
        Wrong{"space.tied", "1", "true or false"}, Wrong{"space.ffn_sparsity", "1.0", "[0, 1)"},
        Wrong{"space.attention", "[\"mha\"]", "or \"mla\"", "here it is \"gqa\""},
        Wrong{"space.ffn", "[\"relu\"]", "\"gated\" or \"plain\""},
        Wrong{"space.mla",
              "[{kv_lora_rank = 8, qk_nope_head_dim = 8, qk_rope_head_dim = 0, "
              "v_head_dim = 8}]",
              "attention axis must have its kind"}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Others, WrongLine,
    ::testing::Values(
        Wrong{"job.name", "\"\"", "not empty"}, Wrong{"job.seed", "-1", "from 0 to"},
        Wrong{"job.nmae", "\"x\"", "unknown key", "name"},
        Wrong{"law.id", "\"codesign-2025\"", "no law of this id", "codesign-2026"},
        Wrong{"law.range", "\"ignore\"", "\"flag\" or \"enforce\""},
        Wrong{"engine.attention", "\"fast\"", "\"flash\""},
        Wrong{"engine.causal", "\"yes\"", "true or false"},
        Wrong{"engine.kv_trafic", "\"kv_heads\"", "unknown key", "kv_traffic"},
        Wrong{"targets.devices", "[\"jetson-agx-orin-64g\"]", "no device of this id",
              "jetson-agx-orin-64gb"},
        Wrong{"targets.devices", "[\"Jetson AGX\"]", "a-z, 0-9"},
        Wrong{"targets.devices", "[\"no/such/file.toml\"]", "no such file"},
        Wrong{"targets.devices", "[3]", "an id, a path"}, Wrong{"targets.devices", "[]", "empty"},
        Wrong{"targets.devices", "[\"jetson-agx-orin-64gb\", \"jetson-agx-orin-64gb\"]", "twice"},
        Wrong{"targets.devices",
              "[{id = \"x\", bandwidth = -1, memory_bytes = 1e9, peak_flops = {fp16 = 1e12}}]",
              "> 0"},
        Wrong{"targets.devices",
              "[{id = \"x\", bandwidth = 1e9, memory_bytes = 1e9, peak_flops = {fp17 = 1e12}}]",
              "unknown key", "fp16"},
        Wrong{"targets.devices",
              "[{id = \"x\", bandwidth = 1e9, memory_bytes = 1e9, peak_flops = {}}]",
              "at least one"},
        Wrong{"targets.devices", "[{id = \"x\", bandwidth = 1e9, peak_flops = {fp16 = 1e12}}]",
              "memory"},
        Wrong{"targets.precisions", "[\"int9\"]", "no precision of this id", "int8"},
        Wrong{"targets.precisions", "[\"fp4\"]", "arithmetic", "missing_precision"},
        Wrong{"targets.workloads", "[{id = \"x\", batch = 0, input_tokens = 1, output_tokens = 1}]",
              "from 1 to"},
        Wrong{"targets.workloads",
              "[{id = \"x\", batch = 1, input_tokens = -1, output_tokens = 1}]", "from 0 to"},
        Wrong{"targets.latency", "[\"ttft\"]", "\"prefill\", \"tpot\", \"total\" or \"energy\""},
        Wrong{"targets.latency", "[\"tpot\", \"tpot\"]", "twice"},
        Wrong{"targets.latency", "[]", "empty"},
        Wrong{"targets.memory_budget", "\"all\"", "\"capacity\", \"none\""},
        Wrong{"targets.memory_budget", "0", "bytes > 0"},
        Wrong{"targets.memory_budget", "nan", "bytes > 0"}, Wrong{"targets.max_tpot_s", "0", "> 0"},
        Wrong{"targets.max_tpot_s", "nan", "finite"},
        Wrong{"targets.missing_precision", "\"ignore\"", "\"error\" or \"skip\""},
        Wrong{"targets.latencies", "[\"tpot\"]", "unknown key", "latency"}),
    case_name);

TEST(JobFaults, AbsentKeysAndTables) {
  for (const std::string key :
       {"job.name", "space.layers", "space.widths", "space.head_dim", "space.expert_ffn_ratio",
        "space.experts", "space.top_k", "space.vocab", "space.kv_heads", "law.id",
        "targets.devices", "targets.precisions", "targets.workloads", "targets.latency"}) {
    const auto faults = job_faults(job_text({{key, ""}}));
    const bool said = std::any_of(faults.begin(), faults.end(), [&](const InputFault& f) {
      return f.key == key && f.rule.find("missing") != std::string::npos && f.line > 0;
    });
    EXPECT_TRUE(said) << key;
  }
  const auto faults = job_faults("[job]\nname = \"x\"\n");
  for (const std::string table : {"space", "law", "targets"})
    EXPECT_THAT(faults, Contains(Field(&InputFault::key, table)));
}

TEST(JobFaults, UnknownTables) {
  const auto faults = job_faults(job_text() + "[target]\nx = 1\n");
  ASSERT_EQ(1u, faults.size());
  EXPECT_EQ("target", faults[0].key);
  EXPECT_THAT(faults[0].hint, HasSubstr("targets"));
}

TEST(JobFaults, AllAtOnceByLine) {
  const std::string text = job_text({{"job.nmae", "1"},
                                     {"space.layers", "[-4]"},
                                     {"space.vocab", "\"many\""},
                                     {"targets.latency", "[\"ttft\"]"},
                                     {"targets.max_total_s", "inf"},
                                     {"engine.causal", "3"}});
  const auto faults = job_faults(text);
  std::vector<std::string> keys;
  for (const auto& f : faults) keys.push_back(f.key);
  EXPECT_THAT(keys,
              ::testing::ElementsAre("engine.causal", "job.nmae", "space.layers", "space.vocab",
                                     "targets.latency", "targets.max_total_s"));
  for (std::size_t i = 1; i < faults.size(); ++i) EXPECT_LT(faults[i - 1].line, faults[i].line);
}

TEST(JobFaults, LatenciesThatAWorkloadDoesNotHave) {
  const auto fault_of = [](const char* latency, const char* workload) {
    const auto faults =
        job_faults(job_text({{"targets.latency", latency}, {"targets.workloads", workload}}));
    return faults.empty() ? std::string() : faults[0].rule;
  };
  const auto no_output = "[{id = \"x\", batch = 1, input_tokens = 9, output_tokens = 0}]";
  const auto no_input = "[{id = \"x\", batch = 1, input_tokens = 0, output_tokens = 9}]";
  EXPECT_THAT(fault_of("[\"tpot\"]", no_output), HasSubstr("no output tokens"));
  EXPECT_THAT(fault_of("[\"prefill\"]", no_input), HasSubstr("no input tokens"));
  EXPECT_EQ("", fault_of("[\"prefill\"]", no_output));
  EXPECT_EQ("", fault_of("[\"tpot\"]", no_input));
}

TEST(JobFaults, NothingToDoIsNoTarget) {
  // Every architecture takes no time at all: there is no trade to make.
  const auto faults = job_faults(job_text(
      {{"targets.latency", "[\"total\"]"},
       {"targets.workloads", "[{id = \"x\", batch = 1, input_tokens = 0, output_tokens = 0}]"}}));
  EXPECT_FALSE(faults.empty());
}

TEST(JobFaults, SpacesTooLargeForAnIndex) {
  const std::string axis = "{from = 64, to = 19200000, step = 64}";  // 300 000 values
  const std::string small = "{from = 1, to = 300000, step = 1}";
  const auto faults = job_faults(job_text({{"space.layers", small},
                                           {"space.widths", axis},
                                           {"space.expert_ffn_ratio", small},
                                           {"space.shared_ffn", small}}));
  EXPECT_THAT(faults, Contains(Field(&InputFault::rule, HasSubstr("2^63"))));
}

TEST(JobFaults, Overrides) {
  for (const auto& [text, rule] :
       {std::pair{"space.layers", "table.key=value"}, std::pair{"=3", "table.key=value"},
        std::pair{"space.vocab=9\nspace.layers=[4]", "single"},
        std::pair{"space.layers=[0]", "from 1 to"}, std::pair{"space.layer=[4]", "unknown key"},
        std::pair{"spaces.layers=[4]", "unknown key"}}) {
    const auto faults = job_faults(job_text(), {text});
    ASSERT_FALSE(faults.empty()) << text;
    EXPECT_THAT(faults[0].text(), HasSubstr(rule)) << text;
  }
}

/// `law.id` of a job and further lines of its table, beside a file with the laws "mine" and
/// "other".
std::vector<InputFault> law_faults(const std::string& id,
                                   const std::map<std::string, std::string>& changes = {}) {
  const TemporaryFolder folder;
  folder.write("laws.toml", law_text("mine", 9) + law_text("other", 10));
  auto lines = changes;
  lines["law.id"] = id;
  io::SourceFiles files;
  try {
    io::read_job(files, folder.write("job.toml", job_text(lines)), {});
  } catch (const InputError& e) {
    return e.faults();
  }
  return {};
}

TEST(JobFaults, ListsOfLaws) {
  EXPECT_TRUE(law_faults("[\"codesign-2026\", \"laws.toml\"]").empty());
  const auto only_fault = [](const std::vector<InputFault>& faults) {
    EXPECT_EQ(1u, faults.size());
    return faults.empty() ? InputFault{} : faults[0];
  };
  for (const char* twice :
       {"[\"codesign-2026\", \"codesign-2026\"]",
        "[\"laws.toml\", \"codesign-2026\", \"laws.toml\"]", "[\"laws.toml\", {id = \"mine\"}]"}) {
    const auto faults = law_faults(twice);
    ASSERT_FALSE(faults.empty()) << twice;
    EXPECT_EQ("law.id", faults[0].key.substr(0, 6)) << twice;
    EXPECT_GT(faults[0].line, 0u);
  }
  const InputFault twice = only_fault(law_faults("[\"codesign-2026\", \"codesign-2026\"]"));
  EXPECT_EQ("law.id", twice.key);
  EXPECT_EQ("\"codesign-2026\" is named twice", twice.rule);
  EXPECT_THAT(only_fault(law_faults("[]")).rule, HasSubstr("empty"));
}

TEST(JobFaults, ALawThatNoSearchCanUseIsToldOnce) {
  for (const auto& [id, why] :
       {std::pair{"joint-moe-2025", "function of active parameters and experts"},
        {"conditional-2025", "multiplier at fixed depth and size"},
        {"gemstones-2025-hot", "term in the total parameters"}}) {
    const auto faults = law_faults(std::string("[\"codesign-2026\", \"") + id + "\"]");
    ASSERT_EQ(1u, faults.size()) << id;
    EXPECT_EQ("law.id", faults[0].key);
    EXPECT_THAT(faults[0].rule, HasSubstr(why));
    EXPECT_THAT(faults[0].rule, HasSubstr("law.second_opinions"));
  }
}

TEST(JobFaults, WhatASecondOpinionDoesNotSayIsNoted) {
  const TemporaryFolder folder;
  io::SourceFiles files;
  const auto job = io::read_job(
      files,
      folder.write("job.toml", job_text({{"law.second_opinions",
                                          "[\"joint-moe-2025\", \"conditional-2025\"]"}})),
      {});
  EXPECT_THAT(job.notes,
              ::testing::ElementsAre(
                  HasSubstr("joint-moe-2025 has no opinion on: layers, FFN ratio"),
                  HasSubstr("1e+10 are assumed"), HasSubstr("conditional-2025 has no opinion on"),
                  HasSubstr("multiplier of a loss at fixed depth and size only")));
}

TEST(JobFaults, TheRangesOfTwoLawsAreNotEnforced) {
  const std::map<std::string, std::string> enforce{{"law.range", "\"enforce\""}};
  for (const char* two : {"[\"codesign-2026\", \"./laws.toml\"]", "\"laws.toml\""}) {
    const auto faults = law_faults(two, enforce);
    ASSERT_EQ(1u, faults.size()) << two;
    EXPECT_EQ("law.range", faults[0].key);
    EXPECT_EQ("\"enforce\"", faults[0].value);
    EXPECT_THAT(faults[0].rule, HasSubstr("one law"));
  }
  EXPECT_TRUE(
      law_faults("[\"codesign-2026\"]", {{"law.range", "\"enforce\""}, {"space.widths", "[768]"}})
          .empty());
  EXPECT_TRUE(law_faults("\"laws.toml\"", {{"law.range", "\"flag\""}}).empty());
}

TEST(JobFaults, TooManyTargets) {
  const TemporaryFolder folder;
  std::string workloads, laws;
  for (int i = 0; i < 101; ++i) {
    const std::string id = std::to_string(i);
    workloads +=
        "[[workload]]\nid = \"w" + id + "\"\nbatch = 1\ninput_tokens = 8\noutput_tokens = 8\n";
    laws += law_text("l" + id, 9);
  }
  folder.write("workloads.toml", workloads);
  folder.write("laws.toml", laws);
  io::SourceFiles files;
  try {  // each list is short
    io::read_job(files,
                 folder.write("job.toml", job_text({{"targets.workloads", "[\"workloads.toml\"]"},
                                                    {"law.id", "\"laws.toml\""}})),
                 {});
    FAIL();
  } catch (const InputError& e) {
    EXPECT_THAT(e.what(), HasSubstr("more than 10000 targets"));
  }
}

TEST(JobFaults, FilesOfTheUser) {
  const TemporaryFolder folder;
  const auto chips = folder.write("chips.toml",
                                  "[[device]]\nid = \"a\"\nbandwidth = 1e11\nmemory_bytes = 1e9\n"
                                  "peak_flops = {fp16 = 1e13}\nbandwith = 3\n");
  io::SourceFiles files;
  try {
    io::read_job(files,
                 folder.write("job.toml", job_text({{"targets.devices", "[\"chips.toml\"]"}})), {});
    FAIL();
  } catch (const InputError& e) {
    ASSERT_EQ(1u, e.faults().size()) << e.what();
    EXPECT_EQ(chips, e.faults()[0].file);
    EXPECT_EQ(6u, e.faults()[0].line);
    EXPECT_THAT(e.faults()[0].hint, HasSubstr("bandwidth"));
  }
  EXPECT_THROW(io::read_job(files, folder.path("none.toml"), {}), FileError);
}

}  // namespace
}  // namespace rooflaw::testing
