#include "llama_bench.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "rooflaw/format/words.hpp"

namespace rooflaw::io {

namespace {

constexpr format::NumberRule bytes_rule{1, true, 1e15, true,
                                        "must be a number of bytes, up to 1e15"};
constexpr format::NumberRule params_rule{1, true, 1e15, true,
                                         "must be a number of parameters, up to 1e15"};
constexpr format::NumberRule layers_rule{-1e9, true, 1e9, true, "must be a number of layers"};

bool is_on(const std::string& flag) { return flag == "1" || flag == "true" || flag == "on"; }

/// What versions before `backends` say with a flag each.
constexpr std::pair<const char*, const char*> backend_flags[] = {
    {"cuda", "cuda"},       {"opencl", "opencl"}, {"metal", "metal"}, {"vulkan", "vulkan"},
    {"kompute", "kompute"}, {"sycl", "sycl"},     {"blas", "blas"}};

std::string backend_of_flags(const BenchTest& test) {
  for (const auto& [flag, name] : backend_flags) {
    if (!is_on(test.text(flag))) continue;
    // ROCm is built as CUDA.
    const std::string gpu = format::lower(test.text("gpu_info"));
    const bool is_amd = gpu.find("amd") != gpu.npos || gpu.find("radeon") != gpu.npos;
    return std::string_view(name) == "cuda" && is_amd ? "rocm" : name;
  }
  return test.fields.contains("cuda") || test.fields.contains("blas") ? "cpu" : "";
}

/// `MTL,BLAS` is metal, `CUDA` is cuda: the back end as engines of measured.csv are called.
std::string backend_of(const BenchTest& test) {
  const std::string printed = format::lower(test.text("backends"));
  if (printed.empty()) return backend_of_flags(test);
  std::vector<std::string> parts;
  for (std::size_t start = 0; start < printed.size();) {
    const auto end = std::min(printed.find(',', start), printed.size());
    std::string name;
    for (const char c : printed.substr(start, end - start))
      if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_') name += c;
    if (name == "mtl") name = "metal";
    if (!name.empty()) parts.push_back(name);
    start = end + 1;
  }
  // Helpers beside the one that does the work.
  for (const char* helper : {"cpu", "blas"})
    if (parts.size() > 1) std::erase(parts, helper);
  if (parts.empty()) return "";
  if (parts.size() == 1 && parts.front() == "blas") return "openblas";
  return fmt::format("{}", fmt::join(parts, "-"));
}

bool runs_on_cpu(const std::string& engine) {
  return engine.ends_with("-cpu") || engine.ends_with("blas");
}

std::string build_of(const BenchTest& test) {
  const std::string commit = test.text("build_commit");
  const std::string number = test.text("build_number");
  if (commit.empty()) return test.text("build");
  return number.empty() ? commit : fmt::format("{} ({})", commit, number);
}

class Tests {
 public:
  Tests(const MeasurementOptions& options, const MeasurementTables& tables, Measurements& all,
        format::Faults& faults)
      : options_(options), tables_(tables), all_(all), faults_(faults) {}

  void add(const BenchTest& test) {
    const std::size_t before = faults_.size();
    const bool is_test = test.fields.contains("model_type") || test.fields.contains("avg_ts") ||
                         test.fields.contains("n_prompt") || test.fields.contains("n_gen");
    if (!is_test)
      return fault(test, "test", "has neither model_type nor avg_ts: this is not llama-bench's");
    Measurement m = read(test);
    const FoundModel found = model_of(test, m);
    if (tables_.chosen_device() == nullptr && files_without_device_.insert(test.place.file).second)
      if (options_.device.empty())  // else that is the fault
        add_fault(faults_, {test.place.file, 1, 1}, "device", "",
                  "llama-bench does not print an id of a device; --device ID says it");
    if (faults_.size() != before || found.model == nullptr || tables_.chosen_device() == nullptr)
      return;
    check_alike(test, m);
    if (const auto reason = reason_to_leave_out(test, m, *found.model); !reason.empty())
      all_.left_out.push_back({m.place, reason, m.doubt});
    else
      add_found(std::move(m), found);
  }

 private:
  void add_found(Measurement m, const FoundModel& found) {
    std::optional<bool> twice;
    if (found.stored) twice = found.stored->twice;
    if (found.stored && m.weights_bytes) *m.weights_bytes *= found.stored->share_read;
    add_row(std::move(m), *tables_.chosen_device(), *found.model, format_, twice, all_);
  }

  void fault(const BenchTest& test, const std::string& key, const std::string& rule) {
    add_fault(faults_, test.place, key, test.text(key), rule);
  }
  std::optional<double> number(const BenchTest& test, const std::string& key,
                               const format::NumberRule& rule) {
    const std::string text = test.text(key);
    if (text.empty()) return std::nullopt;
    return read_measured_number(text, key, rule, test.place, faults_);
  }

  Measurement read(const BenchTest& test) {
    Measurement m;
    m.place = test.place.text();
    m.kind = "measured";
    m.source = "llama-bench";
    m.model_printed = test.text("model_type");
    m.build = build_of(test);
    m.engine = options_.engine;
    const std::string backend = backend_of(test);
    if (m.engine.empty() && backend.empty())
      fault(test, "backends", "is missing; --engine ID says what ran the model");
    if (m.engine.empty()) m.engine = "llama.cpp-" + backend;
    m.unit = runs_on_cpu(m.engine) ? "cpu" : "gpu";
    m.threads = number(test, "n_threads", at_least_one_rule);
    m.weights_bytes = number(test, "model_size", bytes_rule);
    read_lengths(test, m);
    if (test.text("avg_ts").empty()) fault(test, "avg_ts", "the speed is missing");
    m.tokens_per_second = number(test, "avg_ts", speed_rule).value_or(0);
    m.stddev = number(test, "stddev_ts", count_rule);
    // A pass had the tokens of n_batch before there was an n_ubatch.
    const auto batch = number(test, "n_batch", at_least_one_rule);
    m.ubatch = number(test, "n_ubatch", at_least_one_rule);
    if (batch) m.ubatch = m.ubatch ? std::min(*m.ubatch, *batch) : batch;
    const std::string flash = test.text("flash_attn");
    if (flash != "-1" && flash != "auto" && !flash.empty()) m.flash_attention = is_on(flash);
    return m;
  }

  void read_lengths(const BenchTest& test, Measurement& m) {
    const auto prompt = number(test, "n_prompt", count_rule);
    const auto output = number(test, "n_gen", count_rule);
    // A table says why it could not be read.
    if (!test.fields.contains("n_prompt") && !test.fields.contains("n_gen"))
      fault(test, "n_prompt", "is missing, and n_gen");
    else if (prompt.value_or(0) == 0.0 && output.value_or(0) == 0.0)
      fault(test, "n_prompt", "a test has a prompt or an output");
    m.input_tokens = prompt.value_or(0);
    m.output_tokens = output.value_or(0);
    m.context_depth = number(test, "n_depth", count_rule).value_or(0);
    m.phase = *m.output_tokens > 0 ? model::Phase::decode : model::Phase::prefill;
  }

  FoundModel model_of(const BenchTest& test, Measurement& m) {
    if (test.text("model_type").empty() && tables_.chosen_models().empty()) {
      fault(test, "model_type", "is missing; --model ID says it");
      return {};
    }
    BenchModel printed = read_bench_model(test, tables_.quantisations());
    printed.params = number(test, "model_n_params", params_rule);
    printed.params_rounding = test.params_rounding;
    printed.bytes = number(test, "model_size", bytes_rule);
    printed.bytes_rounding = test.size_rounding;
    FoundModel found = find_bench_model(printed, tables_);
    // All tests of a model say the same.
    if (found.model == nullptr &&
        told_models_.insert(test.place.file + "\n" + test.text("model_type")).second)
      fault(test, "model_type", found.rule);
    m.precision_printed = printed.format_printed;
    set_format(test, printed.format);
    return found;
  }

  /// With the bytes of the cache that the test asked for.
  void set_format(const BenchTest& test, const model::Precision* format) {
    format_ = format;
    double bytes = 0;
    for (const char* key : {"type_k", "type_v"}) bytes += 0.5 * cache_bytes(test, key);
    if (format == nullptr || bytes == format->kv_bytes) return;
    with_cache_ = *format;
    with_cache_.kv_bytes = bytes;
    format_ = &with_cache_;
  }
  double cache_bytes(const BenchTest& test, const std::string& key) {
    const std::string type = test.text(key);
    if (type.empty()) return test.text("f16_kv") == "0" ? 4.0 : 2.0;
    if (type == "f32") return 4.0;
    if (const auto* known = tables_.quantisations().find(type)) return known->weight_bytes;
    fault(test, key, "is no format of a cache that is known");
    return 2.0;
  }

  /// Threads and builds change the speed, and nothing tells them apart in what is fitted.
  void check_alike(const BenchTest& test, const Measurement& m) {
    const std::string threads =
        runs_on_cpu(m.engine) && m.threads ? fmt::format("{}", *m.threads) : "";
    for (const auto& [key, value] :
         {std::pair<std::string, std::string>{"threads", threads}, {"build", m.build}}) {
      if (value.empty()) continue;
      const auto& [first, place] =
          first_of_.try_emplace(m.engine + "\n" + key, value, m.place).first->second;
      if (value == first || !told_mixed_.insert(m.engine + "\n" + key + "\n" + value).second)
        continue;
      add_fault(faults_, test.place, key, value,
                fmt::format("is {} at {}: one device and engine is measured with one, calibrate "
                            "the others apart",
                            first, place));
    }
  }

  std::string reason_to_leave_out(const BenchTest& test, const Measurement& m,
                                  const ModelEntry& model) {
    if (*m.input_tokens > 0 && *m.output_tokens > 0)
      return "prompt and generation in one test (pp+tg)";
    if (is_on(test.text("embeddings"))) return "a test of embeddings";
    if (runs_on_cpu(m.engine)) return "";
    if (is_on(test.text("no_kv_offload"))) return "the cache is not on the GPU (nkvo)";
    const std::string overrides = test.text("tensor_buft_overrides");
    const std::string moe = test.text("n_cpu_moe");
    if ((!overrides.empty() && overrides != "none") || (!moe.empty() && moe != "0"))
      return "weights lie in the memory of the CPU (ot, ncmoe)";
    const auto layers = number(test, "n_gpu_layers", layers_rule);
    if (!layers || *layers < 0 || !options_.engine.empty()) return "";
    if (*layers == 0) return "no layer is on the GPU (ngl 0); --engine llama.cpp-cpu takes it so";
    // The output is one more.
    if (*layers <= static_cast<double>(model::depth(model.architecture)))
      return "only a part of the layers is on the GPU (ngl)";
    return "";
  }

  const MeasurementOptions& options_;
  const MeasurementTables& tables_;
  Measurements& all_;
  format::Faults& faults_;
  const model::Precision* format_ = nullptr;
  model::Precision with_cache_;
  std::set<std::string> files_without_device_;
  std::set<std::string> told_models_;
  std::map<std::string, std::pair<std::string, std::string>> first_of_;  // value, place
  std::set<std::string> told_mixed_;
};

}  // namespace

void add_bench_tests(const std::vector<BenchTest>& tests, const MeasurementOptions& options,
                     const MeasurementTables& tables, Measurements& all, format::Faults& faults) {
  Tests reader(options, tables, all, faults);
  for (const auto& test : tests) reader.add(test);
}

}  // namespace rooflaw::io
