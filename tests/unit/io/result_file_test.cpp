// RESULT.h5: what a job and its frontiers become, read back column by column; and as its README
// says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/sha256.hpp"
#include "unit/io/scored_result.hpp"

namespace rooflaw::testing {
namespace {

using format::Hdf5Reader;

TEST_F(ResultFile, SaysWhatItIsMadeFrom) {
  const format::Hdf5Reader file = io::open_result(path_);
  const auto text = [&](const char* name) {
    return std::get<std::string>(file.attribute("/", name));
  };
  const auto number = [&](const char* name) {
    return std::get<std::int64_t>(file.attribute("/", name));
  };
  EXPECT_EQ("rooflaw-result", text("filetype"));
  EXPECT_EQ(job_.text, text("job_toml"));
  EXPECT_EQ("rooflaw search job.toml", text("command_line"));
  EXPECT_EQ(7, number("seed"));
  EXPECT_EQ(search::valid_count(job_.question.space), number("points_in_space"));
  EXPECT_EQ(1, number("complete"));
  EXPECT_EQ((std::vector<std::int64_t>{2, 2}),
            std::get<std::vector<std::int64_t>>(file.attribute("/", "format_version")));
  for (const auto& input : job_.inputs) {
    const std::string path = "/inputs/" + input.kind + "/" + input.id;
    EXPECT_EQ(input.text, file.text(path));
    EXPECT_EQ(format::sha256_hex(input.text),
              std::get<std::string>(file.attribute(path, "sha256")));
  }
  EXPECT_EQ(123, std::get<std::int64_t>(file.attribute("/runtime", "points_scored")));
}

TEST_F(ResultFile, HoldsEveryRowOfEveryFrontier) {
  const format::Hdf5Reader file = io::open_result(path_);
  std::vector<std::string> expected;
  for (const auto& t : job_.question.targets) expected.push_back(t.id);
  for (const std::string kind : {"frontiers", "sensitivity", "theory"}) {
    std::vector<std::string> targets;
    for (const auto& table : io::result_tables(file, kind)) {
      EXPECT_EQ("codesign-2026", table.law);
      EXPECT_EQ("/" + kind + "/codesign-2026/" + table.target, table.group);
      targets.push_back(table.target);
    }
    EXPECT_THAT(targets, ::testing::UnorderedElementsAreArray(expected)) << kind;
  }
  EXPECT_TRUE(io::result_tables(file, "nonsense").empty());

  for (std::size_t t = 0; t < expected.size(); ++t) {
    const std::string group = "/frontiers/codesign-2026/" + expected[t] + "/";
    const auto& rows = frontiers_[t].rows;
    ASSERT_GT(rows.size(), 1u);
    const auto numbers = [&](const char* name) {
      return std::get<std::vector<double>>(file.column(group + name));
    };
    const auto integers = [&](const char* name) {
      return std::get<std::vector<std::int64_t>>(file.column(group + name));
    };
    const auto latency = numbers("latency_s"), loss = numbers("loss"),
               memory = numbers("memory_bytes");
    const auto layers = integers("layers"), index = integers("index");
    const auto attention = std::get<std::vector<std::string>>(file.column(group + "attention"));
    ASSERT_EQ(rows.size(), latency.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i].latency_s, latency[i]);
      EXPECT_EQ(rows[i].loss, loss[i]);
      EXPECT_EQ(rows[i].memory_bytes, memory[i]);
      EXPECT_LE(memory[i], 1e9);
      EXPECT_EQ(rows[i].layers, layers[i]);
      EXPECT_EQ(rows[i].index, index[i]);
      EXPECT_EQ("gqa", attention[i]);
    }
    EXPECT_TRUE(std::is_sorted(latency.begin(), latency.end()));
    EXPECT_EQ("s", std::get<std::string>(file.attribute(group + "latency_s", "unit")));
    EXPECT_EQ(1, std::get<std::int64_t>(file.attribute(group, "certified")));
    EXPECT_GT(std::get<double>(file.attribute(group, "hypervolume")), 0);
    EXPECT_DOUBLE_EQ(1.1 * latency.back(),
                     std::get<double>(file.attribute(group, "reference_latency_s")));
    EXPECT_DOUBLE_EQ(0.1 + loss.front(), std::get<double>(file.attribute(group, "reference_loss")));
  }
}

TEST_F(ResultFile, HasTheColumnsOfTheContract) {
  const format::Hdf5Reader file = io::open_result(path_);
  EXPECT_THAT(
      file.datasets("/frontiers/codesign-2026/" + job_.question.targets[0].id),
      ::testing::ElementsAre(
          "objective", "latency_s", "loss", "perplexity", "prefill_s", "decode_s", "tpot_s",
          "memory_bytes", "params_total", "params_active", "layers", "width", "heads", "head_dim",
          "attention", "kv_heads", "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim",
          "qk_rope_head_dim", "v_head_dim", "ffn", "expert_ffn", "experts", "top_k", "shared_ffn",
          "ffn_sparsity", "ffn_ratio", "activation_rate", "index", "extrapolated",
          "prefill_compute_share", "prefill_bandwidth_share", "decode_compute_share",
          "decode_bandwidth_share", "energy_j", "latency_low_s", "latency_high_s", "loss_low",
          "loss_high", "loss_delta_ptq", "loss_delta_ptq_low", "loss_delta_ptq_high",
          "loss_delta_qat", "loss_delta_qat_low", "loss_delta_qat_high"));
  EXPECT_THAT(file.datasets("/sensitivity/codesign-2026/" + job_.question.targets[0].id),
              ::testing::ElementsAre(
                  "dloss_dlayers", "dloss_dwidth", "dloss_dffn_ratio", "dloss_dactivation_rate",
                  "dloss_dkv_dim", "exchange_layers", "exchange_width", "exchange_ffn_ratio",
                  "exchange_kv_dim", "elasticity_compute", "elasticity_bandwidth",
                  "elasticity_overhead", "worth_compute", "worth_bandwidth", "worth_memory"));
  EXPECT_THAT(file.datasets("/theory/codesign-2026/" + job_.question.targets[0].id),
              ::testing::ElementsAre("layers", "width", "ffn_ratio", "gqa", "activation_rate",
                                     "loss", "binding", "search_minus_theory_loss"));
  EXPECT_THAT(
      file.datasets("/targets"),
      ::testing::IsSupersetOf({"id", "device", "precision", "workload", "latency", "objective_unit",
                               "memory_budget_bytes", "calibrated", "efficiency", "engine"}));
}

TEST_F(ResultFile, SensitivityAndTheoryStandBesideTheirPoints) {
  const format::Hdf5Reader file = io::open_result(path_);
  for (std::size_t t = 0; t < frontiers_.size(); ++t) {
    const std::string target = "/codesign-2026/" + job_.question.targets[t].id + "/";
    const auto layers =
        std::get<std::vector<double>>(file.column("/sensitivity" + target + "dloss_dlayers"));
    const auto binding =
        std::get<std::vector<std::string>>(file.column("/theory" + target + "binding"));
    const auto& frontier = frontiers_[t];
    ASSERT_EQ(frontiers_[t].rows.size(), layers.size());
    ASSERT_EQ(frontiers_[t].rows.size(), binding.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      EXPECT_EQ(frontier.sensitivity[i].dloss_dlayers, layers[i]);
      EXPECT_EQ(to_string(frontier.theory[i].binding), binding[i]);
    }
  }
}

TEST_F(ResultFile, EmptyFrontiersAreWrittenToo) {
  const auto& question = job_.question;
  const auto none = [&](format::Hdf5Writer& to, std::size_t i) {
    return io::write_target(
        to, TargetResult{.target = search::info_of(question, question.targets.at(i))});
  };
  const std::string path = folder_.path("none.h5");
  io::write_result(path, job_, none, record());
  const format::Hdf5Reader file = io::open_result(path);
  const std::string group = "/frontiers/codesign-2026/" + job_.question.targets[0].id;
  EXPECT_TRUE(std::get<std::vector<double>>(file.column(group + "/loss")).empty());
  EXPECT_EQ(0.0, std::get<double>(file.attribute(group, "hypervolume")));
}

std::string readme() {
  std::ifstream file(ROOFLAW_SOURCE_DIR "/results/README.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Words in `backticks`, of which several may stand between two.
std::vector<std::string> quoted_words(const std::string& text) {
  std::vector<std::string> words;
  const std::regex quoted("`([^`]*)`");
  for (std::sregex_iterator at(text.begin(), text.end(), quoted), end; at != end; ++at) {
    std::istringstream inside((*at)[1]);
    for (std::string word; inside >> word;) words.push_back(word);
  }
  return words;
}

TEST_F(ResultFile, TheReadmeHasTheColumnsOfTheFrontiersAndTheirUnits) {
  std::string text = readme();
  text.erase(0, text.find("\n| column | unit |"));  // what stands before is of other tables
  std::map<std::string, std::string> documented;
  const std::regex line("\n\\| (`[^|]*) \\| ([^|]*)\\|[^\n]*");
  for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at) {
    std::vector<std::string> units;
    std::istringstream list((*at)[2]);
    for (std::string unit; std::getline(list >> std::ws, unit, ',');)
      units.push_back(unit.substr(0, unit.find(' ')));
    const auto names = quoted_words((*at)[1]);
    for (std::size_t i = 0; i < names.size(); ++i)
      documented[names[i]] = units.empty() ? "" : units.size() == 1 ? units[0] : units.at(i);
  }
  const Hdf5Reader file = io::open_result(path_);
  const std::string group = io::result_tables(file, "frontiers").at(0).group;
  std::map<std::string, std::string> written;
  for (const auto& name : file.datasets(group))
    written[name] = format::attribute_as<std::string>(file, group + "/" + name, "unit");
  EXPECT_EQ(written, documented);
}

TEST_F(ResultFile, TheReadmeNamesEveryColumnAndAttribute) {
  const auto words = quoted_words(readme());
  const auto is_named = [&](const std::string& name) {
    return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
      return word == name ||
             (word.ends_with('*') && name.starts_with(word.substr(0, word.size() - 1)));
    });
  };
  const Hdf5Reader file = io::open_result(path_);
  std::vector<std::string> groups{"/targets", "/"};
  for (const std::string kind : io::result_kinds)
    for (const auto& table : io::result_tables(file, kind)) groups.push_back(table.group);
  for (const auto& group : groups) {
    for (const auto& name : file.datasets(group)) EXPECT_TRUE(is_named(name)) << group << name;
    for (const auto& name : file.attributes(group)) EXPECT_TRUE(is_named(name)) << group << name;
  }
}

TEST_F(ResultFile, OtherFilesAreRefused) {
  format::Hdf5Writer writer;
  writer.attribute("/", "filetype", std::string("something-else"));
  const std::string other = folder_.path("other.h5");
  format::write_atomically(other, std::move(writer).image());
  EXPECT_THROW(io::open_result(other), FileError);

  format::Hdf5Writer newer;
  newer.attribute("/", "filetype", std::string("rooflaw-result"));
  newer.attribute("/", "format_version", std::vector<std::int64_t>{3, 0});
  format::write_atomically(other, std::move(newer).image());
  EXPECT_THROW(io::open_result(other), FileError);
}

}  // namespace
}  // namespace rooflaw::testing
