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

/// A memory budget of a job: a word, or bytes; and how ids name it.
struct MemoryBudget {
  enum class Kind { usable, capacity, none, bytes } kind = Kind::usable;
  double bytes = std::numeric_limits<double>::infinity();
  std::string name = "usable";
};

constexpr format::NumberRule budget_rule{
    1,
    true,
    format::rules::bytes.high,
    true,
    "must be \"usable\", \"capacity\", \"none\", a finite number of bytes > 0, from 1 to 1e30, "
    "or a list of such",
    format::Dimension::bytes};

std::optional<MemoryBudget> budget_from(const toml::node& node, const std::string& key,
                                        format::Faults& faults) {
  using Kind = MemoryBudget::Kind;
  const auto word = node.value_or<std::string>("");
  for (const auto& [name, kind] :
       {std::pair{"usable", Kind::usable}, {"capacity", Kind::capacity}, {"none", Kind::none}})
    if (node.is_string() && word == name) return MemoryBudget{.kind = kind, .name = name};
  if (!word.empty() && std::isalpha(static_cast<unsigned char>(word[0]))) {
    faults.add(node, key, std::string(budget_rule.text),
               word_hint(word, {"usable", "capacity", "none"}));
    return std::nullopt;
  }
  const auto bytes = read_number(node, key, budget_rule, faults);
  if (!bytes) return std::nullopt;
  return MemoryBudget{.kind = Kind::bytes, .bytes = *bytes, .name = fmt::format("{:.0f}", *bytes)};
}

struct MemoryBudgets {
  std::vector<MemoryBudget> list;
  bool named = false;  // a list was given: ids say which
};

MemoryBudgets read_budgets(format::TableReader& reader) {
  const toml::node* node = reader.node("memory_budget");
  if (node == nullptr) return {{MemoryBudget{}}, false};
  MemoryBudgets budgets;
  const auto add = [&](const toml::node& one) {
    const std::string key = reader.full_name("memory_budget");
    const auto budget = budget_from(one, key, reader.faults());
    if (!budget) return;
    if (std::any_of(budgets.list.begin(), budgets.list.end(),
                    [&](const auto& b) { return b.name == budget->name; }))
      reader.faults().add(one, key, "is listed twice, to the whole byte");
    else
      budgets.list.push_back(*budget);
  };
  if (!node->is_array()) {
    add(*node);
    return budgets;
  }
  budgets.named = true;
  const toml::array* list = reader.array("memory_budget");
  if (list == nullptr) return budgets;
  if (list->empty()) reader.fault("memory_budget", "must not be empty");
  for (const toml::node& one : *list) add(one);
  return budgets;
}

/// What the budget is on a device; nullopt if that is unknown.
std::optional<double> bytes_of(const MemoryBudget& budget, const model::Device& device) {
  switch (budget.kind) {
    case MemoryBudget::Kind::usable:
      if (const auto usable = usable_memory(device)) return usable->bytes;
      return std::nullopt;
    case MemoryBudget::Kind::capacity:
      return device.memory_bytes;
    case MemoryBudget::Kind::none:
    case MemoryBudget::Kind::bytes:
      break;
  }
  return budget.bytes;
}

/// A penalty that knows the model would make the loss no sum over parts.
std::vector<Loaded<model::Precision>> without_penalties(format::TableReader& reader,
                                                        Catalogue& catalogue,
                                                        const toml::node& node,
                                                        const std::string& key) {
  auto loaded = catalogue.precisions(node, key);
  for (const auto& p : loaded)
    if (p.value.penalty)
      reader.faults().add(
          node, key,
          fmt::format("precision {} has loss_delta = \"{}\", which never enters a search: give a "
                      "number; the columns loss_delta_{} of the result show it",
                      p.value.id, to_string(*p.value.penalty), to_string(*p.value.penalty)));
  return loaded;
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
        [&](const auto& n, const auto& k) { return without_penalties(reader, catalogue, n, k); });
    workloads_ = read_entries<WorkloadEntry>(
        reader, "workloads",
        [&](const auto& n, const auto& k) { return catalogue.workloads(n, k); });
    read_objectives();
    budgets_ = read_budgets(reader);
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
    for (const std::size_t length :
         {devices_.size(), precisions_.size(), workloads_.size(), objectives_.size(),
          budgets_.list.size(), job_.question.laws.size()})
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
    std::optional<model::Scenario> scenario;
    try {
      scenario = make_scenario(device, precision, entry.workload, engine_);
    } catch (const DomainError& e) {
      return reader_.fault("workloads", e.what());
    }
    for (const auto& budget : budgets_.list) add_deployment(*scenario, entry.limits, budget);
  }

  void add_deployment(const model::Scenario& scenario, const model::Limits& of_workload,
                      const MemoryBudget& budget) {
    search::Deployment deployment{.scenario = scenario, .limits = limits_};
    deployment.limits.tighten(of_workload);
    const auto bytes = bytes_of(budget, scenario.device);
    if (!bytes)
      return reader_.fault("devices",
                           fmt::format("the memory of {} is unknown: memory_budget must be "
                                       "\"none\" or bytes",
                                       scenario.device.id));
    deployment.limits.set(model::Objective::memory, *bytes);
    const std::size_t before = job_.question.targets.size();
    for (const auto objective : objectives_) add_target(deployment, objective, budget);
    if (job_.question.targets.size() > before)
      job_.question.deployments.push_back(std::move(deployment));
  }

  void add_target(const search::Deployment& deployment, model::Objective objective,
                  const MemoryBudget& budget) {
    const auto& s = deployment.scenario;
    const bool lacks_powers = objective == model::Objective::energy && !has_powers(s.device);
    if (lacks_powers && missing_ == MissingPrecision::skip) return;
    try {
      require_applies(objective, s);
    } catch (const DomainError& e) {
      return reader_.fault(
          "latency", e.what(),
          lacks_powers ? "missing_precision = \"skip\" leaves such pairs out" : "");
    }
    std::string id = fmt::format("{}.{}.{}.{}", s.device.id, s.precision.id, s.workload.id,
                                 to_string(objective));
    if (budgets_.named) id += "." + budget.name;
    if (!target_ids_.insert(id).second)
      reader_.fault("devices", "two targets would both be called " + id + ": rename an id");
    Question& question = job_.question;
    for (std::size_t law = 0; law < question.laws.size(); ++law)
      question.targets.push_back({id, question.deployments.size(), objective, law});
  }

  format::TableReader& reader_;
  const model::Engine& engine_;
  Job& job_;
  std::vector<Loaded<model::Device>> devices_;
  std::vector<Loaded<model::Precision>> precisions_;
  std::vector<Loaded<WorkloadEntry>> workloads_;
  std::vector<model::Objective> objectives_;
  MemoryBudgets budgets_;
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
