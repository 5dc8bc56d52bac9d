// config.json as published: the architecture is that of the table of models, and what it leaves out
// is known to the last parameter where the publisher's count is exact.

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_text.hpp"
#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/io/source_files.hpp"
#include "rooflaw/model/continuous.hpp"

namespace rooflaw::io {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// An entry of inputs/models.toml: its fields, those of a group before those of the model.
struct Entry {
  toml::table model;
  std::vector<toml::table> groups;
};

Entry entry_of(const std::string& id) {
  SourceFiles files;
  const std::string path = std::string(ROOFLAW_SOURCE_DIR) + "/inputs/models.toml";
  toml::table table = format::parse_toml(files.read(path), path);
  for (const toml::node& node : *table["model"].as_array()) {
    const toml::table& model = *node.as_table();
    if (model["id"].value_or(std::string()) != id) continue;
    Entry entry{model, {}};
    if (const auto* groups = model["group"].as_array())
      for (const toml::node& group : *groups) entry.groups.push_back(*group.as_table());
    if (entry.groups.empty()) entry.groups.emplace_back();
    return entry;
  }
  ADD_FAILURE() << "no model " << id;
  return {};
}

model::Layers group_of(const toml::table& model, const toml::table& group) {
  const auto node = [&](const char* key) { return group.contains(key) ? group[key] : model[key]; };
  const auto whole = [&](const char* key, std::int64_t otherwise = 0) {
    return node(key).value_or(otherwise);
  };
  model::Layers g;
  g.layers = whole("layers");
  g.attention = *model::attention_kind_from(node("attention").value_or(std::string("gqa")));
  g.heads = whole("heads");
  g.head_dim = whole("head_dim");
  g.kv_heads = whole("kv_heads");
  g.window = whole("window");
  g.mla = {whole("kv_lora_rank"), whole("q_lora_rank"), whole("qk_nope_head_dim"),
           whole("qk_rope_head_dim"), whole("v_head_dim")};
  g.recurrent = {whole("mixer_weights"), whole("mixer_width"), whole("state_elements"),
                 static_cast<double>(whole("state_flops"))};
  g.ffn = *model::ffn_kind_from(node("ffn").value_or(std::string("gated")));
  g.expert_ffn = whole("expert_ffn");
  g.experts = whole("experts", 1);
  g.top_k = whole("top_k", 1);
  g.shared_ffn = whole("shared_ffn");
  return g;
}

std::vector<model::Layers> groups_in(const model::Architecture& a) {
  std::vector<model::Layers> groups;
  model::for_each_group(a, [&](const model::Layers& g) { groups.push_back(g); });
  return groups;
}

/// Elements that a token adds to the caches of all layers.
double cache_per_token(const model::Architecture& a) {
  double elements = 0;
  model::for_each_group(a, [&](const model::Layers& g) {
    if (g.attention == model::AttentionKind::gqa || g.attention == model::AttentionKind::mla)
      elements +=
          static_cast<double>(g.layers) * model::attention_shape(g, a.width).cache_elements();
  });
  return elements;
}

class PublishedConfig : public ::testing::TestWithParam<const char*> {};

TEST_P(PublishedConfig, HasTheArchitectureOfTheTableOfModels) {
  const ConfigModel read = read_config_json(published_text(GetParam()), "x/config.json");
  const model::Architecture& a = read.architecture;
  const Entry entry = entry_of(GetParam());
  EXPECT_EQ(entry.model["width"].value_or(0), a.width);
  EXPECT_EQ(entry.model["vocab"].value_or(0), a.vocab);
  EXPECT_EQ(entry.model["tied"].value_or(true), a.tied);
  EXPECT_EQ(entry.model["positions"].value_or(0), a.positions);
  const auto groups = groups_in(a);
  EXPECT_EQ(entry.groups.size(), groups.size());
  for (const toml::table& group : entry.groups)
    EXPECT_THAT(groups, Contains(group_of(entry.model, group)));
}

TEST_P(PublishedConfig, CountsTheParametersOfItsPublisher) {
  const ConfigModel read = read_config_json(published_text(GetParam()), "x/config.json");
  const toml::table model = entry_of(GetParam()).model;
  const auto published = model["published_params"].value<double>();
  ASSERT_TRUE(published);
  const double counted = model::parameters(model::lift(read.architecture)).total;
  if (model["published_params_exact"].value_or(false) && read.uncounted)
    EXPECT_EQ(*published, counted + *read.uncounted);
  else
    EXPECT_NEAR(*published, counted, 0.03 * *published);
}

INSTANTIATE_TEST_SUITE_P(
    Families, PublishedConfig,
    ::testing::Values("llama-3-8b", "llama-3.2-1b", "llama-2-7b", "smollm2-135m", "qwen2.5-0.5b",
                      "qwen2.5-7b", "qwen3-0.6b", "mistral-7b", "mistral-nemo-12b", "mixtral-8x7b",
                      "qwen1.5-moe-a2.7b", "qwen3-30b-a3b", "qwen3-next-80b-a3b", "qwen3.5-4b",
                      "gemma-2b", "gemma-2-9b", "gemma-3-270m", "gemma-3-1b", "gemma-3-4b",
                      "gemma-3-27b", "gpt-oss-20b", "gpt-oss-120b", "phi-3-mini", "phi-4-mini",
                      "phi-3.5-moe", "olmo-2-1b", "olmoe-1b-7b", "deepseek-v2-lite", "deepseek-v3",
                      "moonlight-16b-a3b", "smollm3-3b", "falcon-7b", "gpt2", "lfm2-350m",
                      "lfm2-1.2b", "lfm2-8b-a1b", "granite-4.0-h-micro", "granite-4.0-h-tiny",
                      "granite-3.1-1b-a400m", "falcon-h1-0.5b", "minicpm3-4b", "internlm2-1.8b",
                      "pythia-160m", "nemotron-nano-9b-v2"),
    [](const auto& each) {
      std::string name = each.param;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
      return name;
    });

TEST(ConfigJson, LearnedPositionsOfOptHaveTwoRowsMore) {
  const ConfigModel m = read_config(published("opt-6.7b"));
  EXPECT_EQ("opt-6.7b", m.id);
  EXPECT_EQ(2050, m.architecture.positions);
  EXPECT_EQ(model::FfnKind::plain, m.architecture.ffn);
  EXPECT_EQ(6658473984.0, model::parameters(model::lift(m.architecture)).total + *m.uncounted);
}

TEST(ConfigJson, CachePerTokenIsThatOfTheModel) {
  const auto cache = [](const char* id) {
    return cache_per_token(read_config(published(id)).architecture);
  };
  EXPECT_EQ(2.0 * 24 * 2 * 64, cache("qwen2.5-0.5b"));
  EXPECT_EQ(61.0 * (512 + 64), cache("deepseek-v3"));
  EXPECT_EQ(2.0 * 6 * 8 * 64, cache("lfm2-350m"));
  EXPECT_EQ(2.0 * 32 * 64, cache("falcon-7b"));
}

TEST(ConfigJson, NamesTheModelByItsTextOrItsFolder) {
  nlohmann::json config = published("qwen3-0.6b");
  const auto named = [&](const std::string& file) { return read_config_json(config.dump(), file); };
  EXPECT_EQ("qwen3-0.6b-base", named("models/Qwen3-0.6B Base/config.json").id);
  EXPECT_EQ("Qwen3-0.6B", named("hub/models--Qwen--Qwen3-0.6B/snapshots/0a1b/config.json").name);
  EXPECT_EQ("mine", named("mine.json").id);
  config["_name_or_path"] = "Qwen/Qwen3-0.6B";
  EXPECT_EQ("qwen3-0.6b", named("models/other/config.json").id);
}

TEST(ConfigJson, AnUnknownModelIsReadByItsFields) {
  nlohmann::json config = published("qwen3-0.6b");
  config["model_type"] = "qwen9";
  const ConfigModel m = read_config(config);
  EXPECT_EQ(read_config(published("qwen3-0.6b")).architecture, m.architecture);
  EXPECT_THAT(m.notes, Contains(HasSubstr("\"qwen9\" is unknown")));
  EXPECT_THAT(m.notes, Contains(HasSubstr("did you mean")));
  EXPECT_FALSE(m.uncounted);
  config.erase("tie_word_embeddings");
  config["hidden_act"] = "gelu";
  EXPECT_THAT(faults_of(config), HasSubstr("tie_word_embeddings: is missing"));
  EXPECT_THAT(faults_of(config), HasSubstr("hidden_act = \"gelu\": does not tell"));
}

TEST(ConfigJson, SaysWhatItIgnores) {
  EXPECT_THAT(read_config(published("gpt-oss-20b")).notes,
              Contains(HasSubstr("quantization_config")));
  EXPECT_THAT(read_config(published("gemma-3-4b")).notes, Contains(HasSubstr("vision_config")));
  EXPECT_THAT(read_config(published("gemma-3-4b")).notes,
              Contains("num_attention_heads is not given: 8, as transformers takes it"));
  EXPECT_THAT(read_config(published("deepseek-v3")).notes,
              Contains(HasSubstr("num_nextn_predict_layers")));
  EXPECT_THAT(read_config(published("qwen2.5-0.5b")).notes,
              Contains("norms and biases, 71552 parameters, are not counted"));
}

TEST(ConfigJson, WindowsFollowTheirFamily) {
  nlohmann::json qwen = published("qwen2.5-7b");
  qwen["use_sliding_window"] = true;
  qwen["sliding_window"] = 4096;
  qwen["max_window_layers"] = 20;
  const auto a = read_config(qwen).architecture;
  EXPECT_EQ(20, a.layers);
  EXPECT_EQ(0, a.window);
  EXPECT_EQ(8, a.further.at(0).layers);
  EXPECT_EQ(4096, a.further.at(0).window);

  nlohmann::json mistral = published("mistral-7b");
  mistral["sliding_window"] = 4096;
  EXPECT_EQ(4096, read_config(mistral).architecture.window);
  mistral["sliding_window"] = 32768;
  EXPECT_EQ(0, read_config(mistral).architecture.window);
  mistral.erase("sliding_window");
  EXPECT_EQ(4096, read_config(mistral).architecture.window);

  // A switch of other families.
  for (const char* id : {"mistral-7b", "gpt-oss-20b", "gemma-3-1b"}) {
    nlohmann::json config = published(id);
    config["sliding_window"] = 512;
    const auto before = read_config(config).architecture;
    config["use_sliding_window"] = false;
    EXPECT_EQ(before, read_config(config).architecture) << id;
    EXPECT_THAT(read_config(config).notes, Contains(HasSubstr("the windows stay"))) << id;
  }
}

TEST(ConfigJson, LayersOfTheirOwnHaveLettersOrWords) {
  nlohmann::json config = published("nemotron-nano-9b-v2");
  const auto by_letters = read_config(config).architecture;
  auto words = nlohmann::json::array();
  for (const char letter : config["hybrid_override_pattern"].get<std::string>())
    words.push_back(letter == 'M' ? "mamba" : letter == '*' ? "attention" : "mlp");
  config.erase("hybrid_override_pattern");
  config["layers_block_type"] = words;
  EXPECT_EQ(by_letters, read_config(config).architecture);
}

TEST(ConfigJson, ExpertsFollowTheRulesOfTheirKeys) {
  nlohmann::json config = published("qwen3-30b-a3b");
  config["mlp_only_layers"] = {0, 47};
  config["decoder_sparse_step"] = 2;
  const auto a = read_config(config).architecture;
  EXPECT_EQ(1, a.experts);
  EXPECT_EQ(25, a.layers);
  EXPECT_EQ(6144, a.expert_ffn);
  EXPECT_EQ(23, a.further.at(0).layers);
  EXPECT_EQ(128, a.further.at(0).experts);
}

TEST(ConfigJson, LayersThatAreAllDenseHaveNoExperts) {
  nlohmann::json deepseek = published("deepseek-v3");
  deepseek["num_hidden_layers"] = 3;
  deepseek["first_k_dense_replace"] = 3;
  EXPECT_EQ(1, read_config(deepseek).architecture.experts);
  EXPECT_EQ(18432, read_config(deepseek).architecture.expert_ffn);
  nlohmann::json qwen = published("qwen3-30b-a3b");
  qwen["mlp_only_layers"] = nlohmann::json::array();
  for (int i = 0; i < 48; ++i) qwen["mlp_only_layers"].push_back(i);
  EXPECT_EQ(6144, read_config(qwen).architecture.expert_ffn);
  EXPECT_TRUE(read_config(qwen).architecture.further.empty());
  EXPECT_THAT(read_config(qwen).notes, Contains(HasSubstr("no layer has experts")));
}

}  // namespace
}  // namespace rooflaw::io
