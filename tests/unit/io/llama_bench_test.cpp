// Output of llama-bench as versions of 2023 to 2026 print it, in each of its formats.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measured_text.hpp"

namespace rooflaw::io {
namespace {

using model::Phase;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const MeasurementOptions orin{.device = "jetson-agx-orin-64gb", .engine = {}, .models = {}};

Measurements read_text(const std::string& text, const MeasurementOptions& options = orin) {
  return read_texts({{"bench.txt", text}}, options);
}

std::vector<double> speeds(const Measurements& all) {
  std::vector<double> list;
  for (const auto& row : all.rows) list.push_back(row.tokens_per_second);
  return list;
}

// As its README prints it.
const std::string json_2025 = R"([
  {
    "build_commit": "8cf427ff",
    "build_number": 5163,
    "cpu_info": "AMD Ryzen 7 7800X3D 8-Core Processor",
    "gpu_info": "NVIDIA GeForce RTX 4080",
    "backends": "CUDA",
    "model_filename": "models/Qwen2.5-7B-Instruct-Q4_K_M.gguf",
    "model_type": "qwen2 7B Q4_K - Medium",
    "model_size": 4677120000,
    "model_n_params": 7615616512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_threads": 8,
    "cpu_mask": "0x0",
    "cpu_strict": false,
    "poll": 50,
    "type_k": "f16",
    "type_v": "f16",
    "n_gpu_layers": 99,
    "split_mode": "layer",
    "main_gpu": 0,
    "no_kv_offload": false,
    "flash_attn": false,
    "tensor_split": "0.00",
    "use_mmap": true,
    "embeddings": false,
    "n_prompt": 512,
    "n_gen": 0,
    "n_depth": 0,
    "test_time": "2025-04-24T11:58:50Z",
    "avg_ns": 72135640,
    "stddev_ns": 1453752,
    "avg_ts": 7100.002165,
    "stddev_ts": 140.341520,
    "samples_ns": [ 74601900, 71632900, 71745200, 71952700, 70745500 ],
    "samples_ts": [ 6863.1, 7147.55, 7136.37, 7115.79, 7237.21 ]
  },
  {
    "build_commit": "8cf427ff",
    "build_number": 5163,
    "backends": "CUDA",
    "model_filename": "models/Qwen2.5-7B-Instruct-Q4_K_M.gguf",
    "model_type": "qwen2 7B Q4_K - Medium",
    "model_size": 4677120000,
    "model_n_params": 7615616512,
    "n_batch": 2048,
    "n_ubatch": 512,
    "n_threads": 8,
    "type_k": "q8_0",
    "type_v": "f16",
    "n_gpu_layers": 99,
    "flash_attn": true,
    "n_prompt": 0,
    "n_gen": 128,
    "n_depth": 4096,
    "avg_ts": 118.881588,
    "stddev_ts": 1.041811,
    "samples_ts": [ 119.03, 120.178, 119.43, 118.307, 117.464 ]
  }
]
)";

TEST(LlamaBench, Json) {
  const auto all = read_text(json_2025);
  ASSERT_EQ(2u, all.rows.size());
  const auto& prefill = all.rows[0];
  EXPECT_EQ("bench.txt:2", prefill.place);
  EXPECT_EQ("jetson-agx-orin-64gb", prefill.device);
  EXPECT_EQ("gpu", prefill.unit);
  EXPECT_EQ("llama.cpp-cuda", prefill.engine);
  EXPECT_EQ("8cf427ff (5163)", prefill.build);
  EXPECT_EQ("qwen2.5-7b", prefill.model);
  EXPECT_EQ("qwen2 7B Q4_K - Medium", prefill.model_printed);
  EXPECT_EQ("q4_k_m", prefill.precision.id);
  EXPECT_EQ("Q4_K - Medium", prefill.precision_printed);
  EXPECT_EQ(4677120000, prefill.weights_bytes);
  EXPECT_EQ(8, prefill.threads);
  EXPECT_EQ(1, prefill.batch);
  EXPECT_EQ(Phase::prefill, prefill.phase);
  EXPECT_EQ(512, prefill.input_tokens);
  EXPECT_EQ(0, prefill.output_tokens);
  EXPECT_EQ(0, prefill.context_depth);
  EXPECT_EQ(7100.002165, prefill.tokens_per_second);
  EXPECT_EQ(140.34152, prefill.stddev);
  EXPECT_EQ(512, prefill.ubatch);
  EXPECT_EQ(false, prefill.flash_attention);
  EXPECT_EQ(2, prefill.precision.kv_bytes);
  const auto& decode = all.rows[1];
  EXPECT_EQ("bench.txt:39", decode.place);
  EXPECT_EQ(Phase::decode, decode.phase);
  EXPECT_EQ(0, decode.input_tokens);
  EXPECT_EQ(128, decode.output_tokens);
  EXPECT_EQ(4096, decode.context_depth);
  EXPECT_EQ(true, decode.flash_attention);
  EXPECT_EQ((1.0625 + 2) / 2, decode.precision.kv_bytes);
  EXPECT_NEAR(4677120000, weight_bytes(all.models.at("qwen2.5-7b"), decode.precision), 1);
}

// 2026: flash_attn and n_gpu_layers may be -1, load_mode in the place of use_mmap.
const std::string jsonl_2026 =
    R"({"build_commit":"4df29be","build_number":9001,"backends":"Vulkan","model_filename":"m.gguf","model_type":"llama 8B Q8_0","model_size":8532934656,"model_n_params":8030261312,"n_batch":2048,"n_ubatch":512,"n_threads":2,"type_k":"f16","type_v":"f16","n_gpu_layers":-1,"n_cpu_moe":0,"flash_attn":-1,"devices":"auto","tensor_buft_overrides":"none","load_mode":"auto","n_prompt":64,"n_gen":0,"n_depth":0,"avg_ts":12.5,"stddev_ts":0.0,"samples_ts":[12.5]})";

TEST(LlamaBench, JsonLinesWithLogs) {
  const auto all = read_text(
      "ggml_vulkan: Found 1 Vulkan devices:\n"
      "Using device [0] of {1}\n"
      "load_backend: loaded Vulkan backend from /x/libggml-vulkan.so\n" +
      jsonl_2026 + "\nllama_perf: load time\n" + jsonl_2026 + "\r\n");
  ASSERT_EQ(2u, all.rows.size());
  EXPECT_EQ("bench.txt:4", all.rows[0].place);
  EXPECT_EQ("bench.txt:6", all.rows[1].place);
  EXPECT_EQ("llama.cpp-vulkan", all.rows[0].engine);
  EXPECT_EQ(std::nullopt, all.rows[0].flash_attention);
  EXPECT_THAT(all.rows[0].model, ::testing::StartsWith("llama-3"));
}

TEST(LlamaBench, JsonWithLogsBeforeAndAmong) {
  std::string text = json_2025;
  text.insert(text.find("  {\n    \"build_commit\"", 10), "llama_context: n_ctx = 4096 [x {\n");
  EXPECT_EQ(2u, read_text("ggml_cuda_init: found 1 CUDA devices:\n" + text).rows.size());
}

TEST(LlamaBench, FlashAttentionInAnyType) {
  const auto flash = [](const std::string& value) {
    std::string text = jsonl_2026;
    text.replace(text.find("\"flash_attn\":-1"), 15, "\"flash_attn\":" + value);
    return read_text(text).rows.at(0).flash_attention;
  };
  for (const char* on : {"1", "true", "\"on\"", "\"1\""}) EXPECT_EQ(true, flash(on)) << on;
  for (const char* off : {"0", "false", "\"off\""}) EXPECT_EQ(false, flash(off)) << off;
  for (const char* open : {"-1", "\"auto\"", "null"}) EXPECT_EQ(std::nullopt, flash(open)) << open;
}

TEST(LlamaBench, Csv2023) {
  const auto all = read_text(
      R"(build_commit,build_number,cuda,opencl,metal,gpu_blas,blas,cpu_info,gpu_info,model_filename,model_type,model_size,model_n_params,n_batch,n_threads,f16_kv,n_gpu_layers,main_gpu,mul_mat_q,tensor_split,n_prompt,n_gen,test_time,avg_ns,stddev_ns,avg_ts,stddev_ts
"3469684","1275","1","0","0","1","1","13th Gen Intel(R) Core(TM) i9-13900K","NVIDIA GeForce RTX 3090 Ti","models/7B/ggml-model-q4_0.gguf","llama 7B mostly Q4_0","3825065984","6738415616","512","16","1","99","0","1","0.00","512","0","2023-09-23T12:09:01Z","212155977","732372","2413.341687","8.305961"
"3469684","1275","1","0","0","1","1","13th Gen Intel(R) Core(TM) i9-13900K","NVIDIA GeForce RTX 3090 Ti","models/7B/ggml-model-q4_0.gguf","llama 7B mostly Q4_0","3825065984","6738415616","512","16","1","99","0","1","0.00","0","128","2023-09-23T12:09:02Z","969320879","2728399","132.052051","0.371342"
)");
  EXPECT_THAT(speeds(all), ElementsAre(2413.341687, 132.052051));
  EXPECT_EQ("llama-2-7b", all.rows[0].model);
  EXPECT_EQ("q4_0", all.rows[0].precision.id);
  EXPECT_EQ("llama.cpp-cuda", all.rows[0].engine);
  EXPECT_EQ("3469684 (1275)", all.rows[0].build);
  EXPECT_EQ(512, all.rows[0].ubatch);
  EXPECT_EQ("bench.txt:3", all.rows[1].place);
}

TEST(LlamaBench, Csv2026WithLogsAndASecondHeader) {
  const std::string header =
      "build_commit,build_number,cpu_info,gpu_info,backends,model_filename,model_type,model_size,"
      "model_n_params,n_batch,n_ubatch,n_threads,cpu_mask,cpu_strict,poll,type_k,type_v,"
      "n_gpu_layers,n_cpu_moe,split_mode,main_gpu,no_kv_offload,flash_attn,devices,tensor_split,"
      "tensor_buft_overrides,load_mode,lazy_mode,embeddings,no_op_offload,no_host,fit_target,"
      "fit_min_ctx,n_prompt,n_gen,n_depth,test_time,avg_ns,stddev_ns,avg_ts,stddev_ts\n";
  const std::string row =
      R"("e107984bc","10788","Intel(R) Core(TM) Ultra 7 265K","Intel(R) Arc(TM) B580 Graphics","SYCL","/models/olmoe-1b-7b-0924-instruct-q4_k_m.gguf","olmoe A1.7B Q4_K - Medium","4211730432","6919161856","2048","512","19","0x0","0","50","f16","f16","-1","0","layer","0","0","-1","auto","0.00","none","auto","auto","0","0","0","0","0","0","64","60","2026-09-09T08:09:46Z","228365836","276314","280.252349","0.338305")"
      "\n";
  const auto all = read_text("load_backend: loaded SYCL, and CPU\n" + header + row +
                             "ggml_sycl_init: x, y\n" + header + row);
  EXPECT_THAT(speeds(all), ElementsAre(280.252349, 280.252349));
  EXPECT_EQ("olmoe-1b-7b", all.rows[0].model);
  EXPECT_EQ(60, all.rows[0].context_depth);
  EXPECT_EQ("llama.cpp-sycl", all.rows[0].engine);
  EXPECT_EQ("bench.txt:6", all.rows[1].place);
}

// Several tables whose columns come and go, old and new names of tests.
const std::string markdown = R"(Text before, with a | in it.

```
ggml_init_cublas: found 1 CUDA devices
| model                          |       size |     params | backend    | ngl | test       |              t/s |
| ------------------------------ | ---------: | ---------: | ---------- | --: | ---------- | ---------------: |
| LLaMA 7B mostly Q4_0           |   3.56 GiB |     6.74 B | CUDA       |  99 | pp 512     |  2368.80 ± 93.24 |
| llama 13B mostly Q4_0          |   6.86 GiB |    13.02 B | CUDA       |  99 | tg 128     |     82.17 ± 0.31 |
```

| another | table |
| --- | --- |
| of text | t/s |

| model                          |       size |     params | backend    | ngl | n_ubatch | fa |  test |                  t/s |
| ------------------------------ | ---------: | ---------: | ---------- | --: | -------: | -: | ----: | -------------------: |
| qwen2 7B Q4_K - Medium         |   4.36 GiB |     7.62 B | CUDA       |  -1 |     1024 |  1 |           pp512 @ d4096 |      **7340.20** ± 23.45 |
| qwen2 7B Q4_K - Medium         |   4.36 GiB |     7.62 B | CUDA       |  -1 |     1024 |  1 |           tg128 |        120.60 |
| qwen2 7B Q4_K - Medium         |   4.36 GiB |     7.62 B | CUDA       |  -1 |     1024 |  1 |  pp512+tg128 @ d16 |        120.60 ± 0.59 |
| | | | | | | | | |

build: 4da69d1a (4351)
)";

TEST(LlamaBench, Tables) {
  const auto all = read_text(markdown);
  EXPECT_THAT(speeds(all), ElementsAre(2368.80, 82.17, 7340.20, 120.60));
  EXPECT_EQ("llama-2-7b", all.rows[0].model);
  EXPECT_EQ("llama-2-13b", all.rows[1].model);
  EXPECT_EQ(Phase::prefill, all.rows[0].phase);
  EXPECT_EQ(93.24, all.rows[0].stddev);
  EXPECT_EQ(std::nullopt, all.rows[0].flash_attention);
  EXPECT_EQ("bench.txt:17", all.rows[2].place);
  EXPECT_EQ(4096, all.rows[2].context_depth);
  EXPECT_EQ(1024, all.rows[2].ubatch);
  EXPECT_EQ(true, all.rows[2].flash_attention);
  EXPECT_EQ(23.45, all.rows[2].stddev);
  EXPECT_EQ(std::nullopt, all.rows[3].stddev);
  for (const auto& row : all.rows) EXPECT_EQ("4da69d1a (4351)", row.build);
  ASSERT_EQ(1u, all.left_out.size());
  EXPECT_EQ("bench.txt:19", all.left_out[0].place);
  EXPECT_EQ("prompt and generation in one test (pp+tg)", all.left_out[0].reason);
}

/// A table of one decode test.
std::string table(const std::string& model, const std::string& size, const std::string& params,
                  const std::string& backend, const std::string& more_heading = "",
                  const std::string& more = "") {
  return "| model | size | params | backend |" + more_heading + " test | t/s |\n|-|-|-|-|-|-|\n| " +
         model + " | " + size + " | " + params + " | " + backend + " |" + more +
         " tg128 | 20.5 ± 0.1 |\n";
}

TEST(LlamaBench, TheModelFollowsFromNameAndParameters) {
  struct Case {
    const char *type, *size, *params, *id;
  };
  for (const Case& c :
       {Case{"llama 7B Q4_0", "3.56 GiB", "6.74 B", "llama-2-7b"},
        Case{"llama 7B Q4_K - Medium", "4.07 GiB", "7.24 B", "mistral-7b"},
        Case{"llama 70B Q4_0", "36.20 GiB", "68.98 B", "llama-2-70b"},
        Case{"llama 1B Q8_0", "1.22 GiB", "1.24 B", "llama-3.2-1b"},
        Case{"llama 1B Q8_0", "1.09 GiB", "1.10 B", "tinyllama-1.1b"},
        Case{"qwen3 8B Q4_K - Medium", "4.68 GiB", "8.19 B", "qwen3-8b"},
        Case{"qwen3moe 30B.A3B Q4_K - Medium", "17.28 GiB", "30.53 B", "qwen3-30b-a3b"},
        Case{"gemma3 4B Q4_0", "2.19 GiB", "3.88 B", "gemma-3-4b"},
        Case{"gemma 2B F16 (guessed)", "4.67 GiB", "2.51 B", "gemma-2b"},
        Case{"gemma2 2B F16", "4.87 GiB", "2.61 B", "gemma-2-2b"},
        Case{"gpt-oss 20B MXFP4 MoE", "11.27 GiB", "20.91 B", "gpt-oss-20b"},
        Case{"phi3 3B Q4_K - Medium", "2.23 GiB", "3.82 B", "phi-3.5-mini"},
        Case{"lfm2 ?B Q8_0", "1.16 GiB", "1.17 B", "lfm2-1.2b"},
        Case{"gptneox 0.1B F16", "309.6 MiB", "162.32 M", "pythia-160m"}}) {
    SCOPED_TRACE(c.type);
    const auto all = read_text(table(c.type, c.size, c.params, "CUDA"));
    ASSERT_EQ(1u, all.rows.size());
    EXPECT_EQ(c.id, all.rows[0].model);
  }
}

TEST(LlamaBench, ATiedTableThatStandsTwiceInTheFileIsReadOnce) {
  const auto once =
      read_text(table("qwen2 1B Q4_K - Medium", "373.71 MiB", "494.03 M", "CPU")).rows.at(0);
  const auto all = read_text(table("qwen2 1B Q4_K - Medium", "462.96 MiB", "630.17 M", "CPU"));
  const auto& twice = all.rows.at(0);
  EXPECT_EQ(once.model, twice.model);
  const auto& a = all.models.at(twice.model);
  EXPECT_NEAR(373.71 * 1048576, weight_bytes(a, once.precision), 1);
  EXPECT_LT(weight_bytes(a, twice.precision), 400.0 * 1048576);
  EXPECT_GT(weight_bytes(a, twice.precision), 340.0 * 1048576);
}

TEST(LlamaBench, ALayerThatPredictsTheTokenAfterTheNextIsNotRead) {
  for (const auto& [params, share] :
       {std::pair{"772.85 M", 752.4 / 772.85}, std::pair{"752.39 M", 1.0}}) {
    const auto all = read_text(table("qwen35 0.8B Q4_K - Medium", "500 MiB", params, "CUDA"));
    ASSERT_EQ(1u, all.rows.size());
    EXPECT_EQ("qwen3.5-0.8b", all.rows[0].model);
    EXPECT_NEAR(share, *all.rows[0].weights_bytes / (500.0 * 1048576), 0.004);
  }
}

TEST(LlamaBench, ModelsOfOneShapeAreToldApartByTheFileName) {
  const auto model = [](const std::string& file) {
    std::string text = jsonl_2026;
    text.replace(text.find("m.gguf"), 6, file);
    return read_text(text).rows.at(0).model;
  };
  EXPECT_EQ("llama-3-8b", model("Meta-Llama-3-8B-Instruct.gguf"));
  EXPECT_EQ("llama-3.1-8b", model("Llama-3.1-8B.gguf"));
}

TEST(LlamaBench, AnOptionSaysTheModel) {
  auto options = orin;
  options.models = {"qwen2.5-0.5b", "llama-2-7b"};
  EXPECT_EQ(
      "llama-2-7b",
      read_text(table("mystery 7B Q4_0", "3.56 GiB", "6.74 B", "CUDA"), options).rows.at(0).model);
  EXPECT_EQ(
      "llama-2-7b",
      read_text(table("mystery 7B Q4_0", "3.56 GiB", "6.99 B", "CUDA"), options).rows.at(0).model)
      << "what it does not count may be missing";
  const std::string without_sizes =
      "| model | backend | test | t/s |\n|-|-|-|-|\n| llama 7B Q4_0 | CUDA | tg128 | 20.5 |\n";
  options.models = {"mistral-7b"};
  EXPECT_EQ("mistral-7b", read_text(without_sizes, options).rows.at(0).model);
}

TEST(LlamaBench, TheEngineFollowsFromTheBackEnd) {
  for (const auto& [printed, engine] :
       std::map<std::string, std::string>{{"CUDA", "llama.cpp-cuda"},
                                          {"Metal,BLAS", "llama.cpp-metal"},
                                          {"BLAS,MTL", "llama.cpp-metal"},
                                          {"MTL", "llama.cpp-metal"},
                                          {"CPU", "llama.cpp-cpu"},
                                          {"BLAS", "llama.cpp-openblas"},
                                          {"Vulkan", "llama.cpp-vulkan"},
                                          {"ROCm", "llama.cpp-rocm"},
                                          {"CUDA,RPC", "llama.cpp-cuda-rpc"},
                                          {"OpenCL", "llama.cpp-opencl"}}) {
    const auto row = read_text(table("llama 7B Q4_0", "3.56 GiB", "6.74 B", printed)).rows.at(0);
    EXPECT_EQ(engine, row.engine);
    EXPECT_EQ(engine.ends_with("cpu") || engine.ends_with("openblas") ? "cpu" : "gpu", row.unit);
  }
  auto options = orin;
  options.engine = "my-fork";
  EXPECT_EQ(
      "my-fork",
      read_text(table("llama 7B Q4_0", "3.56 GiB", "6.74 B", "CUDA"), options).rows.at(0).engine);
}

TEST(LlamaBench, WhatDoesNotRunOnTheGpuWholeIsLeftOut) {
  const auto reason = [](const std::string& heading, const std::string& cell) {
    const auto all = read_text(table("llama 7B Q4_0", "3.56 GiB", "6.74 B", "CUDA",
                                     " " + heading + " |", " " + cell + " |"));
    return all.rows.empty() ? all.left_out.at(0).reason : "";
  };
  EXPECT_EQ("", reason("ngl", "99"));
  EXPECT_EQ("", reason("ngl", "33"));
  EXPECT_EQ("", reason("ngl", "-1"));
  EXPECT_THAT(reason("ngl", "20"), HasSubstr("only a part of the layers"));
  EXPECT_THAT(reason("ngl", "0"), HasSubstr("no layer is on the GPU"));
  EXPECT_THAT(reason("nkvo", "1"), HasSubstr("the cache is not on the GPU"));
  EXPECT_THAT(reason("ot", "exps=CPU"), HasSubstr("weights lie in the memory of the CPU"));
  EXPECT_THAT(reason("n_cpu_moe", "4"), HasSubstr("weights lie in the memory of the CPU"));
  EXPECT_THAT(reason("embd", "1"), HasSubstr("embeddings"));
}

TEST(LlamaBench, AFormatThatIsNotKnownGoesByItsSize) {
  const auto all = read_text(table("llama 7B all F32", "25.10 GiB", "6.74 B", "CUDA"));
  const auto& row = all.rows.at(0);
  EXPECT_EQ("unknown", row.precision.id);
  EXPECT_NEAR(4.0, row.precision.ffn_weight_bytes, 0.01);
}

TEST(LlamaBench, TheFuzzerStartsFromProperFiles) {
  for (const char* name : {"lines.jsonl", "list.json", "flags.csv", "tables.md", "ours.csv"}) {
    SourceFiles disk;
    const auto all =
        read_text(disk.read(std::string(ROOFLAW_TEST_DIR) + "/fuzz/corpus/measured/" + name));
    EXPECT_FALSE(all.rows.empty()) << name;
  }
}

TEST(LlamaBench, WhatTheArchitectureCannotExpressIsLeftOut) {
  const auto all = read_text(table("gemma3n E2B Q4_K - Medium", "2.80 GiB", "4.46 B", "CUDA"));
  ASSERT_EQ(1u, all.left_out.size());
  EXPECT_EQ("the architecture cannot express gemma-3n-e2b", all.left_out[0].reason);
}

}  // namespace
}  // namespace rooflaw::io
