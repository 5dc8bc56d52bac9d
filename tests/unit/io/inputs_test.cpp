// The tables that come with the program: all parse, all say where they are from, and the shapes of
// public models have the parameters their publishers count.

#include <cmath>
#include <filesystem>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/model/continuous.hpp"

namespace rooflaw::io {
namespace {

namespace fs = std::filesystem;

const std::string shipped_folder = std::string(ROOFLAW_SOURCE_DIR) + "/inputs/";

/// All files of tables, with the kind of table each holds.
std::vector<std::pair<std::string, std::string>> table_files() {
  std::vector<std::pair<std::string, std::string>> list;
  for (const char* kind : {"device", "precision", "workload", "model", "quantisation"})
    list.emplace_back(shipped_folder + kind + "s.toml", kind);
  for (const auto& file : fs::directory_iterator(shipped_folder + "laws"))
    list.emplace_back(file.path().string(), "law");
  return list;
}

/// Everything a file holds through the program's own reader; no fault may be found.
template <class T>
std::vector<Loaded<T>> load(std::vector<Loaded<T>> (Catalogue::*read)(const toml::node&,
                                                                      const std::string&),
                            const std::string& file) {
  SourceFiles files;
  format::Faults faults;
  Catalogue catalogue(files, "", faults);
  const toml::value<std::string> node(file);
  auto loaded = (catalogue.*read)(node, "file");
  EXPECT_NO_THROW(faults.throw_if_any()) << file;
  return loaded;
}

TEST(Inputs, EveryEntryHasIdSourceAndConfidence) {
  for (const auto& [path, kind] : table_files()) {
    SCOPED_TRACE(path);
    SourceFiles files;
    const toml::table file = format::parse_toml(files.read(path), path);
    const toml::array* entries = file[kind].as_array();
    ASSERT_NE(nullptr, entries);
    EXPECT_EQ(1u, file.size()) << "a file holds tables of one kind";
    std::set<std::string> ids;
    for (const toml::node& node : *entries) {
      const toml::table& entry = *node.as_table();
      const auto id = entry["id"].value_or(std::string());
      EXPECT_THAT(id, ::testing::MatchesRegex("[-a-z0-9._]+"));
      EXPECT_TRUE(ids.insert(id).second) << id << " twice";
      for (const char* key : {"source", "confidence"})
        EXPECT_NE("", entry[key].value_or(std::string())) << id << "." << key;
    }
  }
}

TEST(Inputs, Devices) {
  const auto devices = load(&Catalogue::devices, shipped_folder + "devices.toml");
  EXPECT_GE(devices.size(), 40u);
  for (const auto& [device, provenance] : devices) {
    SCOPED_TRACE(device.id);
    EXPECT_THAT(device.confidence, ::testing::AnyOf("datasheet", "derived", "estimate"));
    // Slips of a power of ten would fall outside these.
    EXPECT_GT(device.bandwidth_bytes_per_s, 5e8);
    EXPECT_LT(device.bandwidth_bytes_per_s, 2e13);
    EXPECT_FALSE(device.peak_flops.empty());
    for (const auto& [type, flops] : device.peak_flops) {
      EXPECT_GT(flops, 1e9);
      EXPECT_LT(flops, 3e16);
    }
    if (device.memory_bytes) {
      EXPECT_GE(*device.memory_bytes, 1e8);
      EXPECT_LT(*device.memory_bytes, 1e12);
    }
  }
}

TEST(Inputs, Precisions) {
  std::set<std::string> ids;
  for (const auto& [p, provenance] :
       load(&Catalogue::precisions, shipped_folder + "precisions.toml")) {
    ids.insert(p.id);
    EXPECT_LE(p.weight_bytes, 4) << p.id;
    EXPECT_GE(p.loss_delta, 0) << p.id;
    EXPECT_LT(p.loss_delta, 0.5) << p.id;
  }
  EXPECT_THAT(ids, ::testing::IsSupersetOf(
                       {"fp16", "bf16", "int8", "q8_0", "q4_k_m", "int4", "fp8", "fp4"}));
}

TEST(Inputs, PrecisionsOfTheContract) {
  struct Bytes {
    double weight, head, input;
  };
  const std::map<std::string, Bytes> expected{{"fp16", {2, 2, 2}},
                                              {"bf16", {2, 2, 2}},
                                              {"int8", {1, 1, 1}},
                                              {"q8_0", {1.0625, 1.0625, 2}},
                                              {"q4_k_m", {0.606, 0.8203, 2}},
                                              {"int4", {0.5, 0.5, 0.5}},
                                              {"fp8", {1, 1, 1}},
                                              {"fp4", {0.5, 0.5, 0.5}}};
  for (const auto& [p, provenance] :
       load(&Catalogue::precisions, shipped_folder + "precisions.toml")) {
    const auto found = expected.find(p.id);
    if (found == expected.end()) continue;
    EXPECT_EQ(found->second.weight, p.weight_bytes) << p.id;
    EXPECT_EQ(found->second.head, p.head_bytes) << p.id;
    EXPECT_EQ(found->second.input, p.input_bytes) << p.id;
    EXPECT_EQ(2, p.activation_bytes) << p.id;
    EXPECT_EQ(2, p.kv_bytes) << p.id;
  }
}

TEST(Inputs, Workloads) {
  std::map<std::string, model::Workload> list;
  for (const auto& [entry, provenance] :
       load(&Catalogue::workloads, shipped_folder + "workloads.toml"))
    list[entry.workload.id] = entry.workload;
  const auto expect = [&](const char* id, std::int64_t in, std::int64_t out) {
    ASSERT_TRUE(list.contains(id)) << id;
    EXPECT_EQ(1, list[id].batch) << id;
    EXPECT_EQ(in, list[id].input_tokens) << id;
    EXPECT_EQ(out, list[id].output_tokens) << id;
  };
  expect("vla", 1024, 16);
  expect("siso", 128, 128);
  expect("silo", 128, 4096);
  expect("liso", 4096, 128);
  expect("lilo", 4096, 4096);
}

TEST(Inputs, ThePublishedLaw) {
  const auto laws = load(&Catalogue::laws, shipped_folder + "laws/codesign-2026.toml");
  ASSERT_EQ(1u, laws.size());
  const model::Law& law = laws[0].value;
  EXPECT_THAT(
      (std::vector<double>{law.kappa_l, law.alpha_l, law.kappa_rho, law.alpha_rho, law.alpha_r,
                           law.beta_1, law.kappa_d, law.beta_2, law.kappa_m, law.alpha_m,
                           law.l_inf}),
      ::testing::ElementsAre(9.96, 1.63, 0.031, 1.09, 0.17, -0.33, 500, 0.97, 0.20, 0.05, 2.53));
  EXPECT_EQ((model::Interval{4, 32}), law.range.layers);
  EXPECT_EQ((model::Interval{768, 3072}), law.range.width);
  EXPECT_EQ(5u, law.range.experts_top_k->size());
  EXPECT_THAT(*law.range.kv_heads, ::testing::ElementsAre(1, 2, 4, 8, model::all_heads));
  for (const auto& [path, kind] : table_files())
    EXPECT_TRUE(kind != "law" || !load(&Catalogue::laws, path).empty()) << path;
}

TEST(Inputs, ModelsHaveTheParametersTheirPublishersCount) {
  SourceFiles files;
  const std::string path = shipped_folder + "models.toml";
  const toml::table file = format::parse_toml(files.read(path), path);
  const toml::array& entries = *file["model"].as_array();
  EXPECT_GE(entries.size(), 35u);
  int compared = 0;
  for (const toml::node& node : entries) {
    const toml::table& table = *node.as_table();
    const auto id = table["id"].value_or(std::string());
    SCOPED_TRACE(id);
    format::Faults faults;
    format::TableReader reader(table, "model", faults);
    const ModelEntry entry = read_model(reader);
    reader.reject_unknown_keys();
    EXPECT_NO_THROW(faults.throw_if_any());
    if (!entry.not_expressible.empty()) continue;
    EXPECT_FALSE(model::find_fault(entry.architecture));
    const auto published = table["published_params"].value<double>();
    if (!published || !table["published_params_exact"].value_or(false)) continue;
    ++compared;
    const double share = id.starts_with("qwen3.5-") ? 0.02 : 0.005;  // output gates of attention
    EXPECT_NEAR(*published, model::parameters(model::lift(entry.architecture)).total,
                share * *published);
  }
  EXPECT_GE(compared, 20);
}

}  // namespace
}  // namespace rooflaw::io
