#include "rooflaw/io/result_file.hpp"

#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "rooflaw/core/version.hpp"
#include "rooflaw/format/sha256.hpp"
#include "rooflaw/search/refine/refine.hpp"

namespace rooflaw::io {

using search::Row;

namespace {

constexpr auto filetype = "rooflaw-result";

/// A column of a table of `Entry`: its name, unit and value in an entry.
template <class Entry>
struct TableColumn {
  const char* name;
  const char* unit;
  std::variant<std::function<double(const Entry&)>, std::function<std::int64_t(const Entry&)>,
               std::function<std::string(const Entry&)>>
      value;
};
using RowColumn = TableColumn<Row>;

RowColumn number(const char* name, const char* unit, std::function<double(const Row&)> value) {
  return {name, unit, std::move(value)};
}
RowColumn integer(const char* name, const char* unit,
                  std::function<std::int64_t(const Row&)> value) {
  return {name, unit, std::move(value)};
}
RowColumn word(const char* name, std::function<std::string(const Row&)> value) {
  return {name, "", std::move(value)};
}

std::vector<RowColumn> row_columns() {
  const auto of_architecture = [](auto member) {
    return [member](const Row& r) { return r.architecture.*member; };
  };
  const auto of_mla = [](auto member) {
    return [member](const Row& r) { return r.architecture.mla.*member; };
  };
  using A = model::Architecture;
  using M = model::MlaRanks;
  return {
      number("latency_s", "s", [](const Row& r) { return r.latency_s; }),
      number("loss", "nat/token", [](const Row& r) { return r.evaluation.loss; }),
      number("perplexity", "1", [](const Row& r) { return r.evaluation.perplexity; }),
      number("prefill_s", "s", [](const Row& r) { return r.evaluation.prefill.seconds; }),
      number("decode_s", "s", [](const Row& r) { return r.evaluation.decode.seconds; }),
      number("tpot_s", "s/token", [](const Row& r) { return r.evaluation.tpot_s; }),
      number("memory_bytes", "B", [](const Row& r) { return r.evaluation.memory.total(); }),
      number("params_total", "1", [](const Row& r) { return r.evaluation.params_total; }),
      number("params_active", "1", [](const Row& r) { return r.evaluation.params_active; }),
      integer("layers", "1", of_architecture(&A::layers)),
      integer("width", "1", of_architecture(&A::width)),
      integer("heads", "1", of_architecture(&A::heads)),
      integer("head_dim", "1", of_architecture(&A::head_dim)),
      word("attention",
           [](const Row& r) { return std::string(to_string(r.architecture.attention)); }),
      integer("kv_heads", "1", of_architecture(&A::kv_heads)),
      integer("q_lora_rank", "1", of_mla(&M::q_lora_rank)),
      integer("kv_lora_rank", "1", of_mla(&M::kv_lora_rank)),
      integer("qk_nope_head_dim", "1", of_mla(&M::qk_nope_head_dim)),
      integer("qk_rope_head_dim", "1", of_mla(&M::qk_rope_head_dim)),
      integer("v_head_dim", "1", of_mla(&M::v_head_dim)),
      word("ffn", [](const Row& r) { return std::string(to_string(r.architecture.ffn)); }),
      integer("expert_ffn", "1", of_architecture(&A::expert_ffn)),
      integer("experts", "1", of_architecture(&A::experts)),
      integer("top_k", "1", of_architecture(&A::top_k)),
      integer("shared_ffn", "1", of_architecture(&A::shared_ffn)),
      number("ffn_sparsity", "1", of_architecture(&A::ffn_sparsity)),
      number("ffn_ratio", "1", [](const Row& r) { return r.evaluation.point.ffn_ratio; }),
      number("activation_rate", "1",
             [](const Row& r) { return r.evaluation.point.activation_rate; }),
      integer("index", "1", [](const Row& r) { return r.index; }),
      integer("extrapolated", "1", [](const Row& r) { return r.evaluation.extrapolated ? 1 : 0; }),
      number("prefill_compute_share", "1",
             [](const Row& r) { return r.evaluation.prefill.compute_share; }),
      number("prefill_bandwidth_share", "1",
             [](const Row& r) { return r.evaluation.prefill.bandwidth_share; }),
      number("decode_compute_share", "1",
             [](const Row& r) { return r.evaluation.decode.compute_share; }),
      number("decode_bandwidth_share", "1",
             [](const Row& r) { return r.evaluation.decode.bandwidth_share; }),
  };
}

using theory::Sensitivity;

std::vector<TableColumn<Sensitivity>> sensitivity_columns() {
  const auto column = [](const char* name, const char* unit, double Sensitivity::*member) {
    return TableColumn<Sensitivity>{
        name, unit,
        std::function<double(const Sensitivity&)>([member](const auto& s) { return s.*member; })};
  };
  using S = Sensitivity;
  return {column("dloss_dlayers", "nat", &S::dloss_dlayers),
          column("dloss_dwidth", "nat", &S::dloss_dwidth),
          column("dloss_dffn_ratio", "nat", &S::dloss_dffn_ratio),
          column("dloss_dactivation_rate", "nat", &S::dloss_dactivation_rate),
          column("dloss_dkv_dim", "nat", &S::dloss_dkv_dim),
          column("exchange_layers", "nat/s", &S::exchange_layers),
          column("exchange_width", "nat/s", &S::exchange_width),
          column("exchange_ffn_ratio", "nat/s", &S::exchange_ffn_ratio),
          column("exchange_kv_dim", "nat/s", &S::exchange_kv_dim),
          column("elasticity_compute", "1", &S::elasticity_compute),
          column("elasticity_bandwidth", "1", &S::elasticity_bandwidth),
          column("elasticity_overhead", "1", &S::elasticity_overhead),
          column("worth_compute", "nat/%", &S::worth_compute),
          column("worth_bandwidth", "nat/%", &S::worth_bandwidth),
          column("worth_memory", "nat/%", &S::worth_memory)};
}

std::vector<TableColumn<search::TheoryRow>> theory_columns() {
  using R = search::TheoryRow;
  const auto axis = [](const char* name, double theory::Shape::*member) {
    return TableColumn<R>{name, "1", std::function<double(const R&)>([member](const R& r) {
                            return r.shape.*member;
                          })};
  };
  return {
      axis("layers", &theory::Shape::layers),
      axis("width", &theory::Shape::width),
      axis("ffn_ratio", &theory::Shape::ffn_ratio),
      axis("gqa", &theory::Shape::gqa),
      axis("activation_rate", &theory::Shape::activation_rate),
      {"loss", "nat/token", std::function<double(const R&)>([](const R& r) { return r.loss; })},
      {"binding", "", std::function<std::string(const R&)>([](const R& r) { return r.binding; })},
      {"search_minus_theory_loss", "nat/token",
       std::function<double(const R&)>([](const R& r) { return r.search_minus_theory_loss; })}};
}

/// A group with a dataset a column.
template <class Entry>
void write_table(format::Hdf5Writer& file, const std::string& group,
                 const std::vector<TableColumn<Entry>>& columns,
                 const std::vector<Entry>& entries) {
  file.group(group);
  for (const auto& column : columns) {
    const format::Column values = std::visit(
        [&](const auto& value) -> format::Column {
          std::vector<std::decay_t<decltype(value(entries.front()))>> out;
          for (const auto& entry : entries) out.push_back(value(entry));
          return out;
        },
        column.value);
    file.column(group + "/" + column.name, values, column.unit);
  }
}

void write_frontier(format::Hdf5Writer& file, const std::string& group,
                    const TargetFrontier& frontier) {
  write_table(file, group, row_columns(), frontier.rows);
  std::vector<search::FrontierPoint> points;
  for (const auto& row : frontier.rows)
    points.push_back({row.latency_s, row.evaluation.loss, row.index});
  const auto reference = search::default_reference(points);
  const double volume =
      points.empty() ? 0.0 : search::hypervolume(points, reference.latency_s, reference.loss);
  file.attribute(group, "hypervolume", volume);
  file.attribute(group, "reference_latency_s", reference.latency_s);
  file.attribute(group, "reference_loss", reference.loss);
  file.attribute(group, "certified", std::int64_t{frontier.certified});
  file.attribute(group, "loss_gap_bound", frontier.loss_gap_bound);
  if (frontier.hypervolume_share)
    file.attribute(group, "hypervolume_share", *frontier.hypervolume_share);
}

void write_targets(format::Hdf5Writer& file, const search::Question& question) {
  using Texts = std::vector<std::string>;
  Texts ids, devices, precisions, workloads, latencies, matmul, attention, confidence;
  std::vector<double> budgets;
  std::vector<std::int64_t> calibrated;
  for (const auto& target : question.targets) {
    const auto& deployment = question.deployments[target.deployment];
    const auto& s = deployment.scenario;
    ids.push_back(target.id);
    devices.push_back(s.device.id);
    precisions.push_back(s.precision.id);
    workloads.push_back(s.workload.id);
    latencies.emplace_back(to_string(target.objective));
    budgets.push_back(deployment.limits.of(model::Objective::memory));
    calibrated.push_back(s.calibrated ? 1 : 0);
    attention.emplace_back(to_string(s.attention_type));
    confidence.push_back(s.device.confidence);
  }
  file.group("/targets");
  file.column("/targets/id", ids, "");
  file.column("/targets/device", devices, "");
  file.column("/targets/precision", precisions, "");
  file.column("/targets/workload", workloads, "");
  file.column("/targets/latency", latencies, "");
  file.column("/targets/memory_budget_bytes", budgets, "B");
  file.column("/targets/calibrated", calibrated, "1");
  file.column("/targets/attention_type", attention, "");
  file.column("/targets/device_confidence", confidence, "");
}

}  // namespace

format::Hdf5Image result_image(const Job& job,
                               const std::function<TargetFrontier(std::size_t)>& frontier,
                               const RunRecord& run) {
  const search::Question& question = job.question;
  format::Hdf5Writer file;
  file.attribute("/", "filetype", std::string(filetype));
  file.attribute("/", "format_version",
                 std::vector<std::int64_t>{result_format_major, result_format_minor});
  file.attribute("/", "program_version", std::string(program_version()));
  file.attribute("/", "git_commit", std::string(git_commit()));
  file.attribute("/", "command_line", run.command_line);
  file.attribute("/", "job_toml", job.text);
  file.attribute("/", "strategy", std::string(to_string(question.strategy)));
  file.attribute("/", "seed", static_cast<std::int64_t>(question.seed));
  file.attribute("/", "points_in_space",
                 question.space.continuous ? 0 : search::valid_count(question.space));
  file.attribute("/", "complete", std::int64_t{run.complete});

  for (const auto& input : job.inputs) {
    const std::string path = fmt::format("/inputs/{}/{}", input.kind, input.id);
    file.text(path, input.text);
    file.attribute(path, "sha256", format::sha256_hex(input.text));
    file.attribute(path, "file", input.file);
  }
  write_targets(file, question);
  for (std::size_t i = 0; i < question.targets.size(); ++i) {
    const TargetFrontier f = frontier(i);
    const auto group = [&](const char* kind) {
      return fmt::format("/{}/{}/{}", kind, question.law.id, question.targets[i].id);
    };
    write_frontier(file, group("frontiers"), f);
    if (question.refine.enabled) {
      write_table(file, group("refined"), row_columns(), f.refined);
      file.attribute(group("refined"), "hypervolume_gain",
                     search::hypervolume_gain(f.rows, f.refined));
    }
    write_table(file, group("sensitivity"), sensitivity_columns(), f.sensitivity);
    write_table(file, group("theory"), theory_columns(), f.theory);
  }
  write_runtime(file, run);  // last, since `frontier` takes time too
  return std::move(file).image();
}

format::Hdf5Reader open_result(const std::string& path) {
  format::Hdf5Reader file(path);
  if (const auto names = file.attributes("/");
      std::find(names.begin(), names.end(), "filetype") == names.end() ||
      file.attribute("/", "filetype") != format::Attribute(std::string(filetype)))
    throw FileError(path, "is no result of rooflaw");
  const auto version = format::attribute_as<std::vector<std::int64_t>>(file, "/", "format_version");
  if (version.size() != 2) throw FileError(path, "has no format version");
  if (version.front() != result_format_major)
    throw FileError(path, fmt::format("has format version {}.{}; this program reads version {}.x",
                                      version[0], version[1], result_format_major));
  return file;
}

std::vector<ResultTable> result_tables(const format::Hdf5Reader& file, const std::string& kind) {
  std::vector<ResultTable> tables;
  const std::string top = "/" + kind;
  if (!file.has(top)) return tables;
  for (const auto& law : file.groups(top))
    for (const auto& target : file.groups(top + "/" + law))
      tables.push_back({top + "/" + law + "/" + target, law, target});
  return tables;
}

}  // namespace rooflaw::io
