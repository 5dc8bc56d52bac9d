// What is no config.json, and what changes the cost in a way that is not understood.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_text.hpp"
#include "rooflaw/core/error.hpp"

namespace rooflaw::io {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

json small() {
  return {{"model_type", "llama"},     {"vocab_size", 32000},        {"hidden_size", 512},
          {"intermediate_size", 1536}, {"num_hidden_layers", 4},     {"num_attention_heads", 8},
          {"num_key_value_heads", 2},  {"tie_word_embeddings", true}};
}

json with(const char* key, const json& value) {
  json config = small();
  config[key] = value;
  return config;
}

TEST(ConfigFaults, ASmallConfigHasNone) { EXPECT_EQ("none", faults_of(small())); }

TEST(ConfigFaults, TextsThatAreNoConfig) {
  EXPECT_THAT(faults_in(""), HasSubstr("folder/config.json:1:1: JSON syntax"));
  EXPECT_THAT(faults_in("{\n  \"a\": 1,,\n}"), HasSubstr("folder/config.json:2:10: JSON syntax"));
  EXPECT_THAT(faults_in("{\"vocab_size\": NaN}"), HasSubstr("JSON syntax"));
  EXPECT_THAT(faults_in(std::string_view("\x7f"
                                         "ELF\0\1\2",
                                         7)),
              HasSubstr("JSON syntax"));
  EXPECT_THAT(faults_in("\x89HDF\r\n"), HasSubstr("JSON syntax"));
  EXPECT_THAT(faults_in("{\"model_type\": \"\xff\"}"), HasSubstr("JSON syntax"));
  EXPECT_THAT(faults_in("[1, 2]"), HasSubstr("must be a JSON object"));
  EXPECT_THAT(faults_in("7"), HasSubstr("must be a JSON object"));
  EXPECT_THAT(faults_in("{\"vocab_size\": 1e999}"), HasSubstr("JSON syntax"));
  EXPECT_THAT(faults_in("{\"a\": 1} {}"), HasSubstr("JSON syntax"));
}

TEST(ConfigFaults, FilesOfAnotherKindAreNamed) {
  EXPECT_THAT(faults_in("\xff\xfe{"), HasSubstr("UTF-16"));
  EXPECT_THAT(faults_in(R"({"metadata": {}, "weight_map": {}})"),
              HasSubstr("config.json lies beside"));
  EXPECT_EQ("folder/config.json: text_config: must be a JSON object",
            faults_in(R"({"model_type": "llava", "text_config": [1]})"));
}

TEST(ConfigFaults, OtherSpellingsOfWhatIsMissingAreNamed) {
  json config = small();
  config["model_type"] = "mixtral";
  EXPECT_THAT(faults_of(config),
              HasSubstr("num_experts: is missing (also written num_local_experts"));
  EXPECT_THAT(faults_of({{"model_type", "gpt2"}, {"vocab_size", 100}, {"n_positions", 10}}),
              HasSubstr("num_hidden_layers: is missing (also written n_layer)"));
}

TEST(ConfigFaults, TheActivationIsAText) {
  EXPECT_THAT(faults_of(with("hidden_act", 3)), HasSubstr("hidden_act = 3: must be a text"));
}

TEST(ConfigFaults, AWindowOfAnUnknownModelNeedsItsLayers) {
  json config = with("sliding_window", 128);
  config["model_type"] = "mystery";
  config["hidden_act"] = "silu";
  EXPECT_THAT(faults_of(config), HasSubstr("which layers have it is not known"));
  EXPECT_THAT(faults_of(config), Not(HasSubstr("did you mean")));
  config["sliding_window"] = nullptr;
  EXPECT_EQ("none", faults_of(config));
}

TEST(ConfigFaults, TextsBeyondTheLimits) {
  const std::string deep(100000, '[');
  EXPECT_THAT(faults_in("{\"a\": " + deep), HasSubstr("nested deeper than 32"));
  std::string objects;
  for (int i = 0; i < 40; ++i) objects += "{\"text_config\": ";
  EXPECT_THAT(faults_in(objects), HasSubstr("nested deeper than 32"));
  EXPECT_THAT(faults_in(std::string((std::size_t{16} << 20) + 1, ' ')), HasSubstr("16 MiB"));
}

TEST(ConfigFaults, AKeyMayStandOnce) {
  EXPECT_THAT(faults_in(R"({"hidden_size": 1, "hidden_size": 2})"),
              HasSubstr("hidden_size: stands twice"));
  EXPECT_THAT(faults_in(R"({"text_config": {"hidden_size": 1, "hidden_size": 1}})"),
              HasSubstr("stands twice"));
  EXPECT_EQ("none", faults_of(with("rope_scaling", {{"hidden_size", 1}})));
}

TEST(ConfigFaults, NumbersAreWholeAndInRange) {
  for (const json& wrong :
       {json(-4096), json(0), json(4096.5), json(4096.0), json("4096"), json(true),
        json::array({4096}), json(1e300), json(1ull << 63), json(std::int64_t{1} << 40)})
    EXPECT_THAT(faults_of(with("hidden_size", wrong)),
                HasSubstr("hidden_size = " + wrong.dump() + ": must be a whole number from 1 to"))
        << wrong;
  EXPECT_THAT(faults_in(R"({"hidden_size": Infinity})"), HasSubstr("must be a whole number"));
  EXPECT_THAT(faults_of(with("num_hidden_layers", 1000000)), HasSubstr("must not exceed 4096"));
  EXPECT_THAT(faults_of(with("tie_word_embeddings", "yes")), HasSubstr("must be true or false"));
  EXPECT_THAT(faults_of(with("model_type", 3)), HasSubstr("must be a text"));
}

TEST(ConfigFaults, AllAtOnce) {
  const std::string text = faults_of({{"model_type", "llama"}, {"num_sinks", 4}});
  for (const char* fault : {"hidden_size: is missing", "num_hidden_layers: is missing",
                            "vocab_size: is missing", "num_attention_heads: is missing",
                            "intermediate_size: is missing", "num_sinks = 4: is not understood"})
    EXPECT_THAT(text, HasSubstr(fault));
  EXPECT_THAT(faults_in("{}"), HasSubstr("tie_word_embeddings: is missing"));
}

TEST(ConfigFaults, HeadsDivide) {
  EXPECT_THAT(faults_of(with("num_key_value_heads", 3)), HasSubstr("must divide the 8 query"));
  EXPECT_THAT(faults_of(with("num_attention_heads", 7)), HasSubstr("must divide hidden_size"));
  json config = with("num_attention_heads", 6);
  config["head_dim"] = 64;
  EXPECT_EQ("none", faults_of(config));
}

TEST(ConfigFaults, AKeyThatNobodyKnowsIsNamed) {
  EXPECT_THAT(faults_of(with("hiden_size", 4)),
              HasSubstr("hiden_size = 4: is not understood, and may change what the model costs "
                        "(did you mean \"hidden_size\"?)"));
  EXPECT_THAT(faults_of(with("num_local_experts", 8)), HasSubstr("is not understood"));
  EXPECT_THAT(faults_of(with("sliding_window", 4096)), HasSubstr("is not understood"));
  EXPECT_THAT(faults_of(with("kv_lora_rank", 512)), HasSubstr("is not understood"));
  EXPECT_EQ("none", faults_of(with("num_sinks", nullptr)));
  json many = small();
  for (int i = 0; i < 1000; ++i) many[std::to_string(i)] = i;
  EXPECT_THAT(faults_of(many), HasSubstr("980 more keys"));
}

TEST(ConfigFaults, AnotherDecoderIsNoDecoder) {
  EXPECT_THAT(faults_of(with("is_encoder_decoder", true)), HasSubstr("must be false"));
  json opt = published("opt-6.7b");
  opt["word_embed_proj_dim"] = 512;
  EXPECT_THAT(faults_of(opt), HasSubstr("must be 4096, as hidden_size"));
}

TEST(ConfigFaults, ListsHaveAnEntryForEachLayer) {
  const json full = "full_attention";
  EXPECT_EQ("none", faults_of(with("layer_types", {full, full, full, full})));
  EXPECT_THAT(faults_of(with("layer_types", json::array({full}))),
              HasSubstr("each of the 4 layers, not 1"));
  EXPECT_THAT(faults_of(with("layer_types", {full, full, full, "chunked_attention"})),
              HasSubstr("not understood: \"chunked_attention\""));
  EXPECT_THAT(faults_of(with("layer_types", {full, full, full, "conv"})),
              HasSubstr("conv_L_cache: is missing"));
  EXPECT_THAT(faults_of(with("layer_types", {full, full, full, 3})), HasSubstr("list of texts"));
  json lfm2 = published("lfm2-350m");
  lfm2["full_attn_idxs"] = {2, 16};
  EXPECT_THAT(faults_of(lfm2), HasSubstr("must be indices of the 16 layers"));
  json nemotron = published("nemotron-nano-9b-v2");
  nemotron["hybrid_override_pattern"] = std::string(56, 'x');
  EXPECT_THAT(faults_of(nemotron), HasSubstr("the letters M, *, - and E only"));
}

TEST(ConfigFaults, ContradictionsAreNamed) {
  json gemma = published("gemma-3-4b");
  gemma["text_config"]["tie_word_embeddings"] = true;
  gemma["tie_word_embeddings"] = false;
  EXPECT_THAT(faults_of(gemma), HasSubstr("contradicts that of the text part"));
  json oss = published("gpt-oss-20b");
  oss["experts_per_token"] = 5;
  EXPECT_THAT(faults_of(oss), HasSubstr("experts_per_token = 5: contradicts another spelling"));
}

TEST(ConfigFaults, OfTheTextPartAreNamedByIt) {
  json gemma = published("gemma-3-4b");
  gemma["text_config"]["num_attention_heads"] = -1;
  EXPECT_THAT(faults_of(gemma), HasSubstr("text_config.num_attention_heads = -1: must be"));
  gemma = published("gemma-3-4b");
  gemma["text_config"]["altup_num_inputs"] = 4;
  EXPECT_THAT(faults_of(gemma), HasSubstr("text_config.altup_num_inputs = 4: is not understood"));
}

TEST(ConfigFaults, MixersMayNotOverflow) {
  json qwen = published("qwen3-next-80b-a3b");
  for (const char* key : {"linear_num_value_heads", "linear_key_head_dim", "linear_value_head_dim"})
    qwen[key] = 1 << 23;
  EXPECT_THAT(faults_of(qwen), HasSubstr("too large to count"));
}

}  // namespace
}  // namespace rooflaw::io
