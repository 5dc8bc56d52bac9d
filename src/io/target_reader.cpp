#include "target_reader.hpp"

#include <algorithm>
#include <cctype>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "entry_list.hpp"
#include "foreign_names.hpp"

namespace rooflaw::io {

using search::Question;

namespace {

constexpr double most_targets = 10'000;

std::vector<std::string_view> searchable_names() {
  std::vector<std::string_view> names;
  for (const auto& e : model::objectives())
    if (e.searchable) names.push_back(e.name);
  return names;
}

enum class MissingPrecision { error, skip };

/// The memory budget of a job: the device's capacity, none, or bytes.
struct MemoryBudget {
  bool capacity = true;
  double bytes = std::numeric_limits<double>::infinity();
};

constexpr format::NumberRule budget_rule{
    format::rules::bytes.low,
    true,
    format::rules::bytes.high,
    true,
    "must be \"capacity\", \"none\" or a finite number of bytes > 0, from 1e-30 to 1e30",
    format::Dimension::bytes};

MemoryBudget read_budget(format::TableReader& reader) {
  MemoryBudget budget;
  const toml::node* node = reader.node("memory_budget");
  if (node == nullptr) return budget;
  const auto word = node->value_or<std::string>("");
  if (node->is_string() && word == "capacity") return budget;
  if (node->is_string() && word == "none") {
    budget.capacity = false;
    return budget;
  }
  if (node->is_string() && !word.empty() && std::isalpha(static_cast<unsigned char>(word[0])))
    reader.fault("memory_budget", std::string(budget_rule.text),
                 word_hint(word, {"capacity", "none"}));
  else if (const auto bytes =
               read_number(*node, reader.full_name("memory_budget"), budget_rule, reader.faults()))
    budget = {false, *bytes};
  return budget;
}

class TargetReader {
 public:
  TargetReader(format::TableReader& reader, Catalogue& catalogue, const model::Engine& engine,
               Job& job)
      : reader_(reader), engine_(engine), job_(job) {
    devices_ = read_entries<model::Device>(
        reader, "devices", [&](const auto& n, const auto& k) { return catalogue.devices(n, k); });
    precisions_ = read_entries<model::Precision>(
        reader, "precisions",
        [&](const auto& n, const auto& k) { return catalogue.precisions(n, k); });
    workloads_ = read_entries<WorkloadEntry>(
        reader, "workloads",
        [&](const auto& n, const auto& k) { return catalogue.workloads(n, k); });
    read_objectives();
    budget_ = read_budget(reader);
    limits_ = read_limits(reader);
    missing_ = reader
                   .word<MissingPrecision>(
                       "missing_precision",
                       [](const std::string& word) -> std::optional<MissingPrecision> {
                         if (word == "error") return MissingPrecision::error;
                         if (word == "skip") return MissingPrecision::skip;
                         return std::nullopt;
                       },
                       "must be \"error\" or \"skip\"", HintFrom{{"error", "skip"}})
                   .value_or(missing_);
    reader.reject_unknown_keys();
  }

  void add_targets() {
    const std::size_t faults_before = reader_.faults().size();
    double count = 1;
    for (const std::size_t length : {devices_.size(), precisions_.size(), workloads_.size(),
                                     objectives_.size(), job_.question.laws.size()})
      count *= static_cast<double>(length);
    if (count > most_targets) {
      reader_.fault("devices",
                    fmt::format("with the other lists makes more than {} targets", most_targets));
      return;
    }
    for (const auto& device : devices_)
      for (const auto& precision : precisions_)
        for (const auto& workload : workloads_)
          add_setting(device.value, precision.value, workload.value);
    if (job_.question.targets.empty() && reader_.faults().size() == faults_before &&
        reader_.faults().empty())
      reader_.fault("devices", "no device has any of the precisions, so there is no target");
    for (const auto& d : devices_) job_.inputs.push_back(d.provenance);
    for (const auto& p : precisions_) job_.inputs.push_back(p.provenance);
    for (const auto& w : workloads_) job_.inputs.push_back(w.provenance);
  }

 private:
  void read_objectives() {
    if (!reader_.has("latency")) reader_.fault("latency", "is missing");
    const toml::array* list = reader_.array("latency");
    if (list == nullptr) return;
    if (list->empty()) reader_.fault("latency", "must not be empty");
    for (const toml::node& node : *list) {
      const auto objective = model::objective_from(node.value<std::string>().value_or(""));
      const std::string name = reader_.full_name("latency");
      if (!objective)
        reader_.faults().add(node, name, format::one_of(searchable_names()),
                             word_hint(node.value<std::string>().value_or(""), searchable_names()));
      else if (std::find(objectives_.begin(), objectives_.end(), *objective) != objectives_.end())
        reader_.faults().add(node, name, "is listed twice");
      else
        objectives_.push_back(*objective);
    }
  }

  void add_setting(const model::Device& device, const model::Precision& precision,
                   const WorkloadEntry& entry) {
    if (!device.has(precision.matmul)) {
      if (missing_ == MissingPrecision::error)
        reader_.fault("precisions",
                      fmt::format("device {} has no {} arithmetic, which {} needs", device.id,
                                  to_string(precision.matmul), precision.id),
                      "missing_precision = \"skip\" leaves such pairs out");
      return;
    }
    search::Deployment deployment{
        .scenario = make_scenario(device, precision, entry.workload, engine_), .limits = limits_};
    deployment.limits.tighten(entry.limits);
    deployment.limits.set(model::Objective::memory, budget_.bytes);
    if (budget_.capacity) {
      if (!device.memory_bytes) {
        reader_.fault("devices",
                      fmt::format("the memory of {} is unknown: memory_budget must be \"none\" or "
                                  "bytes",
                                  device.id));
        return;
      }
      deployment.limits.set(model::Objective::memory, *device.memory_bytes);
    }
    Question& question = job_.question;
    for (const auto objective : objectives_) {
      try {
        require_applies(objective, deployment.scenario);
      } catch (const DomainError& e) {
        reader_.fault("latency", e.what());
        continue;
      }
      const std::string id = fmt::format("{}.{}.{}.{}", device.id, precision.id, entry.workload.id,
                                         to_string(objective));
      if (!target_ids_.insert(id).second)
        reader_.fault("devices", "two targets would both be called " + id + ": rename an id");
      for (std::size_t law = 0; law < question.laws.size(); ++law)
        question.targets.push_back({id, question.deployments.size(), objective, law});
    }
    question.deployments.push_back(std::move(deployment));
  }

  format::TableReader& reader_;
  const model::Engine& engine_;
  Job& job_;
  std::vector<Loaded<model::Device>> devices_;
  std::vector<Loaded<model::Precision>> precisions_;
  std::vector<Loaded<WorkloadEntry>> workloads_;
  std::vector<model::Objective> objectives_;
  MemoryBudget budget_;
  model::Limits limits_;
  MissingPrecision missing_ = MissingPrecision::error;
  std::set<std::string> target_ids_;
};

}  // namespace

void read_targets(format::TableReader& reader, Catalogue& catalogue, const model::Engine& engine,
                  Job& job) {
  TargetReader(reader, catalogue, engine, job).add_targets();
}

}  // namespace rooflaw::io
