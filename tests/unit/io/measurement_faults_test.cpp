// Files of measurements that are none, or say what cannot be: each with the message a user gets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "measured_text.hpp"

namespace rooflaw::io {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const MeasurementOptions on_orin{.device = "jetson-agx-orin-64gb", .engine = {}, .models = {}};

std::string faults(const std::string& text, const MeasurementOptions& options = on_orin) {
  return measured_faults({{"a.txt", text}}, options);
}

const std::string ours = "device,engine,model,precision,phase,input_tokens,tokens_per_second\n";
const std::string our_row = "raspberry-pi-5,llama.cpp-cpu,qwen3-0.6b,q8_0,prefill,128,99.5\n";

/// Ours with one field of the row replaced.
std::string with(const std::string& from, const std::string& to) {
  std::string changed = our_row;
  changed.replace(changed.find(from), from.size(), to);
  return ours + changed;
}

const std::string csv_header =
    "build_commit,model_type,model_size,model_n_params,backends,n_prompt,n_gen,avg_ts,n_threads\n";
const std::string csv_row =
    "\"abc\",\"llama 7B "
    "Q4_0\",\"3825065984\",\"6738415616\",\"CPU\",\"512\",\"0\",\"20.5\",\"4\"\n";

std::string json_row(const std::string& speed, const std::string& rest = "\"n_gen\": 128") {
  return "{\"model_type\": \"llama 7B Q4_0\", \"model_size\": 3825065984, \"backends\": \"CUDA\", "
         "\"model_n_params\": 6738415616, \"avg_ts\": " +
         speed + ", " + rest + "}\n";
}

std::string table(const std::string& line) {
  return "| model | size | params | backend | threads | test | t/s |\n|-|-|-|-|-|-|-|\n" + line +
         "\n";
}
const std::string table_row =
    "| llama 7B Q4_0 | 3.56 GiB | 6.74 B | CPU | 4 | tg128 | 20.5 ± 0.1 |";

TEST(MeasurementFaults, ThoseThatTheOthersAreMadeFromHaveNone) {
  EXPECT_EQ("none", faults(ours + our_row));
  EXPECT_EQ("none", faults(csv_header + csv_row));
  EXPECT_EQ("none", faults(json_row("20.5")));
  EXPECT_EQ("none", faults(table(table_row)));
}

TEST(MeasurementFaults, FilesOfAnotherKind) {
  const std::string rule = "a.txt:1:1: measurements: is neither a CSV with the columns of";
  EXPECT_THAT(faults(""), HasSubstr(rule));
  EXPECT_THAT(faults("speed of my board: 12 t/s\n"), HasSubstr(rule));
  EXPECT_THAT(faults("device,speed\na,12\n"), HasSubstr(rule));
  EXPECT_THAT(faults("GGUF\x03"), HasSubstr("a.txt:1:1: measurements: this is a GGUF file"));
  EXPECT_THAT(faults("\xff\xfe[\0"), HasSubstr("is a text in UTF-16; save it as UTF-8"));
  EXPECT_THAT(faults("CREATE TABLE IF NOT EXISTS llama_bench (\n"), HasSubstr("is SQL"));
  EXPECT_THAT(faults("{\"hidden_size\": 64}"),
              HasSubstr("a.txt:1:1: test: has neither model_type"));
  EXPECT_THAT(faults("[\n]\n"), HasSubstr("holds no test"));
  EXPECT_THAT(faults("| a | t/s b |\n|---|---|\n| 1 | 2 |\n"), HasSubstr("holds no test"));
}

TEST(MeasurementFaults, JsonThatBreaksOff) {
  EXPECT_THAT(faults("[\n"),
              HasSubstr("a.txt:1:1: JSON syntax: the list that opens here has no end"));
  EXPECT_THAT(faults("[\n" + json_row("20.5")), HasSubstr("has no end: was the run stopped?"));
  EXPECT_THAT(faults("{\"model_type\": \"lla\n" + json_row("20.5")),
              HasSubstr("a.txt:1:1: JSON syntax: the test that begins here breaks off"));
  EXPECT_THAT(faults("[ {}, 7 ]").substr(0, 200),
              HasSubstr("a.txt:1:7: JSON syntax: a test, in braces"));
  EXPECT_THAT(faults(json_row("20.5") + "{\"a\": 1,, \"b\": 2}\n"),
              HasSubstr("a.txt:2:9: JSON syntax"));
  EXPECT_THAT(faults("[\n {\"n_gen\": 1,\n  \"n_gen\": 2}]"),
              HasSubstr("a.txt:2:2: n_gen: stands twice"));
}

TEST(MeasurementFaults, SpeedsThatAreNone) {
  for (const char* speed : {"0", "-3", "1e400", "\"fast\"", "nan", "-nan", "NaN", "inf"}) {
    SCOPED_TRACE(speed);
    EXPECT_THAT(faults(json_row(speed)), HasSubstr("a.txt:1:"));
  }
  EXPECT_EQ("a.txt:1:1: avg_ts = nan: must be a number of tokens per second > 0, from 1e-6 to 1e9",
            faults(json_row("nan")));
  EXPECT_EQ("a.txt:1:1: avg_ts = 0: must be a number of tokens per second > 0, from 1e-6 to 1e9",
            faults(json_row("0")));
  EXPECT_EQ("a.txt:1:1: avg_ts: the speed is missing", faults(json_row("null")));
  EXPECT_EQ("a.txt:1:1: avg_ts: the speed is missing", faults(json_row("\"\"")));
  EXPECT_THAT(faults(table("| llama 7B Q4_0 | 3.56 GiB | 6.74 B | CPU | 4 | tg128 | ERR |")),
              HasSubstr("a.txt:3:1: avg_ts = ERR: must be a number"));
  EXPECT_THAT(faults(table("| llama 7B Q4_0 | 3.56 GiB | 6.74 B | CPU | 4 | tg128 | -nan ± 0.1 |")),
              HasSubstr("a.txt:3:1: avg_ts = -nan: must be a number"));
  EXPECT_THAT(faults(with("99.5", "")), HasSubstr("a.txt:2:58: tokens_per_second: is missing"));
  EXPECT_THAT(faults(with("99.5", "0")), HasSubstr("tokens_per_second = 0: must be a number"));
  EXPECT_THAT(faults(with("99.5", "-1")), HasSubstr("tokens_per_second = -1: must be a number"));
  EXPECT_THAT(faults(with("99.5", "12,5")),
              HasSubstr("a.txt:2:1: row: has 8 fields, the header 7"));
  EXPECT_THAT(faults(with("99.5", "nan")), HasSubstr("tokens_per_second = nan: must be a number"));
}

TEST(MeasurementFaults, RowsOfAnotherLengthThanTheHeader) {
  // As versions of 2023 printed it: a flag more in the rows.
  EXPECT_EQ("a.txt:2:1: row: has 10 fields, the header on line 1 9",
            faults(csv_header + "\"1\"," + csv_row));
  EXPECT_EQ("a.txt:2:1: row: has 6 fields, the header 7",
            faults(ours + "raspberry-pi-5,llama.cpp-cpu,qwen3-0.6b,q8_0,prefill,128\n"));
  EXPECT_EQ("a.txt:3:1: row: has 6 cells, the heading of the table 7",
            faults(table("| llama 7B Q4_0 | 3.56 GiB | 6.74 B | CPU | tg128 | 20.5 |")));
}

TEST(MeasurementFaults, ColumnsAndQuotesOfACsv) {
  EXPECT_THAT(faults("device,modl,phase,tokens_per_second\n"),
              HasSubstr("a.txt:1:8: column = modl: unknown column (did you mean \"model\"?)"));
  EXPECT_THAT(faults("device,modl,phase,tokens_per_second\n"),
              HasSubstr("a.txt:1:1: column = model: is missing"));
  EXPECT_THAT(faults("model,phase,phase,tokens_per_second\n"),
              HasSubstr("column = phase: stands twice"));
  EXPECT_THAT(faults("model,phase\n"), HasSubstr("column = tokens_per_second: is missing"));
  EXPECT_THAT(faults(with("qwen3-0.6b", "\"qwen3-0.6b")),
              HasSubstr("a.txt:2:30: CSV: the quote that opens here has no end"));
  EXPECT_THAT(faults(with("qwen3-0.6b", "\"qwen3\"-0.6b")),
              HasSubstr("a.txt:2:30: CSV: text stands behind a field in quotes"));
}

TEST(MeasurementFaults, FieldsOfACsv) {
  EXPECT_THAT(
      faults(with("raspberry-pi-5", "raspberry-pi-55")),
      HasSubstr("a.txt:2:1: device = raspberry-pi-55: there is no device of this id; rooflaw "
                "list devices names them (did you mean \"raspberry-pi-5\"?)"));
  EXPECT_THAT(faults(with("raspberry-pi-5", ""), {}), HasSubstr("device: is missing; --device ID"));
  EXPECT_EQ("none", faults(with("raspberry-pi-5", "")));
  EXPECT_THAT(faults(with("llama.cpp-cpu", "")), HasSubstr("engine: is missing; --engine ID"));
  EXPECT_THAT(faults(with("q8_0", "q88")), HasSubstr("precision = q88: is in neither"));
  EXPECT_EQ("none", faults(with("q8_0", "Q4_K - medium")));
  EXPECT_THAT(faults(with("prefill", "prompt")),
              HasSubstr("phase = prompt: must be \"prefill\" or \"decode\""));
  EXPECT_THAT(faults(with("128", "-1")), HasSubstr("input_tokens = -1: must be a number from 0"));
  EXPECT_THAT(faults(with("128", "0")), HasSubstr("input_tokens = 0: a prefill test has a prompt"));
  EXPECT_THAT(faults(with("qwen3-0.6b", "")), HasSubstr("model: is missing"));
  EXPECT_THAT(faults(with("qwen3-0.6b", "../config.json")),
              HasSubstr("no such file: ../config.json"));
}

TEST(MeasurementFaults, ModelsThatAreUnknownOrSeveral) {
  EXPECT_EQ(
      "a.txt:1:1: model_type = mystery 7B Q4_0: no model of this name with 6.74 billion "
      "parameters is in models.toml; --model ID or --model FOLDER/config.json says which it is",
      faults(json_row("20.5").replace(16, 5, "mystery")));
  const std::string no_sizes =
      "| model | backend | test | t/s |\n|-|-|-|-|\n| llama 7B Q4_0 | CUDA | tg128 | 20.5 |\n";
  EXPECT_THAT(faults(no_sizes), HasSubstr("a.txt:3:1: model_type = llama 7B Q4_0: may be "));
  EXPECT_THAT(faults(no_sizes), HasSubstr("llama-2-7b"));
  EXPECT_THAT(faults(no_sizes), HasSubstr("mistral-7b; --model ID says which"));
  auto options = on_orin;
  options.models = {"qwen3-0.6b"};
  EXPECT_THAT(faults(json_row("20.5").replace(16, 5, "mystery"), options),
              HasSubstr("; qwen3-0.6b has 0.596 billion"));
  options.models = {"qwen3-0.66b"};
  EXPECT_THAT(faults(json_row("20.5"), options), HasSubstr("there is no model of this id"));
}

TEST(MeasurementFaults, AModelIsToldOnceForAllItsTests) {
  const std::string lines = json_row("20.5").replace(16, 5, "mystery");
  EXPECT_EQ(faults(lines), faults(lines + lines));
}

TEST(MeasurementFaults, LlamaBenchNeedsADevice) {
  const std::string rule =
      "device: llama-bench does not print an id of a device; --device ID says it";
  EXPECT_EQ(
      "a.txt:1:1: " + rule + "\nb.txt:1:1: " + rule,
      measured_faults({{"a.txt", json_row("20.5") + json_row("21")}, {"b.txt", table(table_row)}}));
  auto options = on_orin;
  options.device = "jetson-agx-orin-64";
  EXPECT_THAT(faults(json_row("20.5"), options),
              HasSubstr("did you mean \"jetson-agx-orin-64gb\""));
  EXPECT_THAT(faults(json_row("20.5"), options), Not(HasSubstr("llama-bench does not print")));
}

TEST(MeasurementFaults, WhatATestLacks) {
  EXPECT_THAT(faults("{\"model_type\": \"llama 7B Q4_0\", \"model_n_params\": 6738415616, "
                     "\"n_gen\": 1, \"avg_ts\": 1}"),
              HasSubstr("backends: is missing; --engine ID says what ran the model"));
  EXPECT_THAT(faults(json_row("20.5", "\"x\": 0")), HasSubstr("n_prompt: is missing, and n_gen"));
  EXPECT_THAT(faults(json_row("20.5", "\"n_prompt\": 0, \"n_gen\": 0")),
              HasSubstr("n_prompt = 0: a test has a prompt or an output"));
  EXPECT_THAT(faults(json_row("20.5", "\"n_prompt\": -4")),
              HasSubstr("n_prompt = -4: must be a number"));
  EXPECT_THAT(faults(json_row("20.5", "\"n_gen\": 4, \"type_k\": \"q3_x\"")),
              HasSubstr("type_k = q3_x: is no format of a cache that is known"));
  EXPECT_THAT(faults(json_row("20.5").replace(2, 10, "xxxxx_type")),
              HasSubstr("model_type: is missing"));
  EXPECT_THAT(faults(table("| llama 7B Q4_0 | 3.56 GiB | 6.74 B | CPU | 4 | pq128 | 20.5 |")),
              HasSubstr("a.txt:3:1: test = pq128: must be pp and tg with their lengths"));
  EXPECT_THAT(faults(table("| llama 7B Q4_0 | 3.56 GB | 6.74 B | CPU | 4 | tg128 | 20.5 |")),
              HasSubstr("model_size = 3.56 GB: must be a number and its unit"));
}

TEST(MeasurementFaults, MixedThreadsAndBuilds) {
  const std::string other = "| llama 7B Q4_0 | 3.56 GiB | 6.74 B | CPU | 8 | tg128 | 30 |";
  EXPECT_EQ(
      "a.txt:4:1: threads = 8: is 4 at a.txt:3: one device and engine is measured with one, "
      "calibrate the others apart",
      faults(table(table_row + "\n" + other)));
  std::string on_gpu = table(table_row + "\n" + other);
  for (std::size_t at; (at = on_gpu.find("CPU")) != std::string::npos;)
    on_gpu.replace(at, 3, "MTL");
  EXPECT_EQ("none", faults(on_gpu)) << "threads of the CPU do not count there";
  std::string later = csv_row;
  later.replace(1, 3, "def");
  EXPECT_EQ(
      "b.txt:2:1: build = def: is abc at a.txt:2: one device and engine is measured with one, "
      "calibrate the others apart",
      measured_faults({{"a.txt", csv_header + csv_row}, {"b.txt", csv_header + later}}, on_orin));
}

TEST(MeasurementFaults, AllAtOnce) {
  const std::string text = faults(ours + "a,b,qwen3-0.6b,q8_0,prefill,128,0\n" +
                                  "raspberry-pi-5,b,qwen3-0.6b,q8_0,walk,x,1\n");
  for (const char* fault : {"a.txt:2:1: device", "a.txt:2:33: tokens_per_second = 0",
                            "a.txt:3:34: phase = walk", "a.txt:3:39: input_tokens = x"})
    EXPECT_THAT(text, HasSubstr(fault));
}

TEST(MeasurementFaults, AFileThatIsNamedTwice) {
  auto files = with_inputs({{"a.txt", ours + our_row}});
  format::Faults found;
  read_measurements({"a.txt", "a.txt"}, {}, files, found);
  EXPECT_EQ(1u, found.size());
}

}  // namespace
}  // namespace rooflaw::io
