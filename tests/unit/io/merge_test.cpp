// Results of the parts of a job, joined: the datasets of the whole job, or a refusal.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/format/atomic_file.hpp"
#include "rooflaw/io/merge.hpp"
#include "rooflaw/io/result_file.hpp"
#include "rooflaw/search/analysis.hpp"
#include "unit/io/job_text.hpp"

namespace rooflaw::testing {
namespace {

using format::Hdf5Reader;
using search::TargetResult;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Changes = std::map<std::string, std::string>;

const std::string orin = "jetson-agx-orin-64gb";
const std::string nano = "jetson-orin-nano-super-8gb";
const std::string thor = "jetson-thor-t5000";

std::string list(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "[\"" : ", \"") + word + "\"";
  return text + "]";
}

/// As many rows as the id of a target has letters, so that rows in the wrong place show.
TargetResult result_of(const search::Question& question, const search::Target& target) {
  TargetResult f{.target = search::info_of(question, target)};
  const auto& words = search::binding_words();
  for (std::size_t i = 0; i < target.id.size(); ++i) {
    search::Row row;
    row.latency_s = static_cast<double>(i + 1);
    row.loss = 4.0 - 0.01 * static_cast<double>(i) - 0.0001 * target.id[i];
    f.rows.push_back(row);
    f.sensitivity.emplace_back();
    f.theory.emplace_back();
    f.theory.back().binding =
        *search::binding_from(words.at((i + target.id.size()) % words.size()));
  }
  return f;
}

class Merge : public ::testing::Test {
 protected:
  /// The result of a job that has these lines, as NAME.
  std::string result(const std::string& name, const Changes& changes,
                     io::RunRecord run = {}) const {
    io::SourceFiles files;
    // Beside the tables that it names.
    const io::Job job = io::read_job(files, folder_.write("job.toml", job_text(changes)), {});
    const std::string path = folder_.path(name);
    io::write_result(
        path, job,
        [&](format::Hdf5Writer& file, std::size_t i) {
          return io::write_target(file, result_of(job.question, job.question.targets.at(i)));
        },
        run);
    return path;
  }

  std::string merged(const std::vector<std::string>& paths) const {
    const std::string path = folder_.path("merged.h5");
    io::write_merged(paths, path, "rooflaw merge");
    return path;
  }

  static std::string refusal(const std::vector<std::string>& paths) {
    const TemporaryFolder folder;
    try {
      io::write_merged(paths, folder.path("merged.h5"), "rooflaw merge");
    } catch (const InputError& e) {
      return e.what();
    }
    return "";
  }

  TemporaryFolder folder_;
};

/// Equal columns under every group of the results of a job and of its parts.
void expect_same(const std::string& one, const std::string& other) {
  const format::Hdf5Reader a = io::open_result(one), b = io::open_result(other);
  EXPECT_EQ(format::column_as<std::string>(a, "/targets/id"),
            format::column_as<std::string>(b, "/targets/id"));
  for (const std::string kind : io::result_kinds) {
    const auto tables = io::result_tables(a, kind);
    ASSERT_EQ(tables.size(), io::result_tables(b, kind).size());
    for (const auto& table : tables) {
      ASSERT_EQ(a.datasets(table.group), b.datasets(table.group));
      EXPECT_EQ(a.attributes(table.group), b.attributes(table.group));
      for (const auto& name : a.datasets(table.group)) {
        const std::string path = table.group + "/" + name;
        EXPECT_EQ(a.attribute(path, "unit"), b.attribute(path, "unit"));
        // NaN equals NaN as text.
        EXPECT_EQ(::testing::PrintToString(a.column(path)),
                  ::testing::PrintToString(b.column(path)));
      }
    }
  }
}

TEST_F(Merge, IsTheJobThatHasAllTargets) {
  const auto latencies = std::pair{"targets.latency", list({"tpot", "total"})};
  const Changes whole{{"targets.devices", list({thor, orin})}, latencies};
  expect_same(merged({result("a.h5", {{"targets.devices", list({thor})}, latencies}),
                      result("b.h5", {{"targets.devices", list({orin})}, latencies})}),
              result("whole.h5", whole));
  Changes tpot = whole, total = whole;
  tpot["targets.latency"] = list({"tpot"});
  total["targets.latency"] = list({"total"});
  expect_same(merged({result("a.h5", tpot), result("b.h5", total)}), folder_.path("whole.h5"));
}

TEST_F(Merge, KeepsTheOrderOfPrecisionsThatTheFirstDeviceLacks) {
  const Changes common{{"targets.precisions", list({"fp8", "fp16", "int8"})},
                       {"targets.missing_precision", "\"skip\""}};
  const auto of = [&](const std::vector<std::string>& devices) {
    Changes changes = common;
    changes["targets.devices"] = list(devices);
    return changes;
  };
  expect_same(merged({result("a.h5", of({orin})), result("b.h5", of({thor, nano}))}),
              result("whole.h5", of({orin, thor, nano})));
}

TEST_F(Merge, KeepsTheOrderOfAFilesPrecisionsThatADeviceLacks) {
  const std::string precision =
      "weight_bytes = 1\nactivation_bytes = 2\nkv_bytes = 2\nattention = \"fp16\"\n";
  const std::string file = folder_.write(
      "precisions.toml", "[[precision]]\nid = \"z\"\nmatmul = \"fp8\"\n" + precision +
                             "[[precision]]\nid = \"y\"\nmatmul = \"fp16\"\n" + precision +
                             "[[precision]]\nid = \"x\"\nmatmul = \"int8\"\n" + precision);
  const auto of = [&](const std::vector<std::string>& devices) {
    return Changes{{"targets.devices", list(devices)},
                   {"targets.precisions", list({file})},
                   {"targets.missing_precision", "\"skip\""}};
  };
  expect_same(merged({result("a.h5", of({orin, thor})), result("b.h5", of({nano}))}),
              result("whole.h5", of({orin, thor, nano})));
}

TEST_F(Merge, KnowsEntriesThatAJobChanges) {
  // They have a hash behind their ids; of several changes of one entry the files' order counts.
  for (const std::string workloads :
       {R"([{id = "vla", output_tokens = 16}])", R"(["vla", {id = "vla", output_tokens = 16}])",
        R"([{id = "vla", output_tokens = 16}, {id = "vla", output_tokens = 8}, "vla"])",
        R"([{id = "mine", input_tokens = 8, output_tokens = 4, batch = 1}, "vla"])"}) {
    const auto of = [&](const std::vector<std::string>& devices) {
      return Changes{{"targets.devices", list(devices)},
                     {"targets.workloads", workloads},
                     {"targets.precisions", R"([{id = "int8", weight_bytes = 1.5}, "fp16"])"}};
    };
    std::filesystem::remove(folder_.path("merged.h5"));  // of other workloads
    const std::string whole = result("whole.h5", of({orin, thor}));
    expect_same(merged({whole}), whole);
    expect_same(merged({result("a.h5", of({orin})), result("b.h5", of({thor}))}), whole);
  }
}

TEST_F(Merge, SaysOfTheRunWhatAllSay) {
  io::RunRecord first, second;
  first.complete = second.complete = true;
  first.ranks = 2;
  first.points_scored = 5;
  first.counts = {{"rounds", 3}};
  first.seconds = {{"search", 0.25}, {"read", 1}};
  second.ranks = 8;
  second.points_scored = 7;
  second.counts = {{"rounds", 4}, {"other", 1}};
  second.seconds = {{"search", 0.5}};
  second.messages = "ended by search.max_seconds";
  const auto a = result("a.h5", {{"targets.devices", list({orin})}}, first);
  const auto b = result("b.h5", {{"targets.devices", list({thor})}}, second);
  const io::RunRecord run = io::read_run_record(io::open_result(merged({a, b})));
  EXPECT_EQ("rooflaw merge", run.command_line);
  EXPECT_EQ(8, run.ranks);
  EXPECT_EQ(12, run.points_scored);
  EXPECT_EQ((std::map<std::string, std::int64_t>{{"rounds", 7}, {"other", 1}}), run.counts);
  EXPECT_EQ((std::map<std::string, double>{{"search", 0.75}, {"read", 1}}), run.seconds);
  EXPECT_TRUE(run.complete);
  EXPECT_EQ("merged from " + a + ", " + b + "; " + b + ": ended by search.max_seconds",
            run.messages);

  second.complete = false;
  result("b.h5", {{"targets.devices", list({thor})}}, second);
  EXPECT_FALSE(io::read_run_record(io::open_result(merged({a, b}))).complete);
}

TEST_F(Merge, ItsJobCanBeRead) {
  const auto a = result("a.h5", {{"targets.devices", list({orin})}});
  const auto b = result("b.h5", {{"targets.devices", "[{id = \"" + thor + "\"}]"}});
  const auto c = result("c.h5", {{"targets.devices", list({nano})}});
  const format::Hdf5Reader file = io::open_result(merged({a, b, c}));
  const io::Job job = read_job_text(format::attribute_as<std::string>(file, "/", "job_toml"));
  EXPECT_EQ(folder_.path("merged.h5"), job.output);
  std::vector<std::string> ids;
  for (const auto& target : job.question.targets) ids.push_back(target.id);
  EXPECT_EQ(ids, format::column_as<std::string>(file, "/targets/id"));
  EXPECT_THAT(
      ids, ElementsAre(orin + ".fp16.vla.tpot", thor + ".fp16.vla.tpot", nano + ".fp16.vla.tpot"));
}

TEST_F(Merge, RefusesWhatDiffers) {
  const auto a = result("a.h5", {{"targets.devices", list({orin})}});
  const auto with = [&](const std::string& key, const std::string& value) {
    return refusal({a, result("b.h5", {{"targets.devices", list({thor})}, {key, value}})});
  };
  const std::string start = a + ", " + folder_.path("b.h5") + ": ";
  EXPECT_THAT(with("space.layers", "[4, 12]"),
              HasSubstr(start + "space.layers = [ 4, 8 ] and [ 4, 12 ]"));
  EXPECT_THAT(with("job.seed", "9"), HasSubstr(start + "job.seed = 1 and 9"));
  EXPECT_THAT(with("search.strategy", "\"grid\""),
              HasSubstr(start + "search.strategy = \"exact\" and \"grid\""));
  EXPECT_THAT(with("law.range", "\"flag\""), HasSubstr(start + "law.range = not set and \"flag\""));
  EXPECT_EQ("", with("job.name", "\"another\""));
  EXPECT_EQ("", with("search.strategy", "\"exact\""));
}

TEST_F(Merge, RefusesTargetsTwiceAndHoles) {
  const auto with = [&](const std::string& name, const std::string& device,
                        const std::string& workload) {
    return result(name,
                  {{"targets.devices", list({device})}, {"targets.workloads", list({workload})}});
  };
  const auto a = with("a.h5", orin, "vla");
  EXPECT_THAT(refusal({a, with("b.h5", orin, "vla")}),
              HasSubstr(a + ", " + folder_.path("b.h5") + ": target = " + orin +
                        ".fp16.vla.tpot: is in both"));
  const auto hole = refusal({a, with("b.h5", thor, "embodied")});
  EXPECT_THAT(hole, HasSubstr("target = " + orin + ".fp16.embodied.tpot: is in none"));
  EXPECT_THAT(hole, HasSubstr("target = " + thor + ".fp16.vla.tpot: is in none"));
}

}  // namespace
}  // namespace rooflaw::testing
