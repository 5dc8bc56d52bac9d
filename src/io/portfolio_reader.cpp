#include "portfolio_reader.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include <fmt/format.h>

#include "foreign_names.hpp"

namespace rooflaw::io {

namespace {

constexpr std::int64_t most_architectures = 64;
constexpr format::NumberRule energy_rule{
    1 / format::rules::huge, true, format::rules::huge, true,
    "must be a finite number of joules > 0, from 1e-30 to 1e30"};

/// "a", "b" and 3 more
std::string some_of(const std::vector<std::string>& ids) {
  constexpr std::size_t most = 3;
  const auto first = std::span(ids).first(std::min(most, ids.size()));
  return fmt::format("{}{}", fmt::join(first, ", "),
                     ids.size() > most ? fmt::format(" and {} more", ids.size() - most) : "");
}

/// A key written without quotes makes tables of an id's dots: their paths are the ids.
template <class Visit>
void for_each_value(const toml::table& table, const std::string& before, const Visit& visit) {
  for (const auto& [key, node] : table) {
    const std::string path = before + std::string(key.str());
    if (const toml::table* inner = node.as_table())
      for_each_value(*inner, path + ".", visit);
    else
      visit(path, node);
  }
}

class PortfolioReader {
 public:
  PortfolioReader(format::TableReader& reader, const search::Question& question) : reader_(reader) {
    for (const auto& target : question.targets)
      if (target.law == 0) {
        ids_.push_back(target.id);
        objectives_.push_back(target.objective);
        limits_.push_back(deployment_of(question, target).limits.of(target.objective));
      }
  }

  search::Portfolio read() {
    read_numbers();
    portfolio_.objective =
        reader_
            .word<search::PortfolioObjective>("objective", search::portfolio_objective_from,
                                              "must be \"mean\", \"worst\" or \"served\"",
                                              HintFrom{{"mean", "worst", "served"}})
            .value_or(portfolio_.objective);
    read_weights();
    read_budgets();
    if (ids_.size() > search::most_set_targets)
      reader_.fault("budgets", fmt::format("are of {} targets; a portfolio has at most {}",
                                           ids_.size(), search::most_set_targets));
    reader_.reject_unknown_keys();
    return portfolio_;
  }

 private:
  void read_numbers() {
    if (!reader_.has("k")) return reader_.fault("k", "is missing");
    const toml::node* node = reader_.node("k");
    if (!node->is_table()) {
      portfolio_.from = portfolio_.to =
          static_cast<std::size_t>(reader_.integer("k", 1, most_architectures).value_or(1));
      return;
    }
    format::TableReader range(*node->as_table(), reader_.full_name("k"), reader_.faults());
    const std::size_t before = reader_.faults().size();
    portfolio_.from =
        static_cast<std::size_t>(range.required_integer("from", 1, most_architectures));
    portfolio_.to = static_cast<std::size_t>(range.required_integer("to", 1, most_architectures));
    if (reader_.faults().size() == before && portfolio_.from > portfolio_.to)
      range.fault("to", "must not be less than from");
    range.reject_unknown_keys();
  }
  std::optional<std::size_t> target_of(const std::string& id) const {
    const auto found = std::find(ids_.begin(), ids_.end(), id);
    if (found == ids_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - ids_.begin());
  }

  void unknown(const toml::node& node, const std::string& key, const std::string& id,
               const std::string& what) const {
    if (ids_.empty()) return;  // which targets there are could not be read
    std::string hint = format::did_you_mean(id, ids_);
    if (hint.empty()) hint = fmt::format("the targets of the job are {}", some_of(ids_));
    reader_.faults().add(node, key, fmt::format("{} is no {}", id, what), hint);
  }

  void read_weights() {
    portfolio_.weights.assign(ids_.size(), 1.0);
    if (const toml::table* table = reader_.sub_table("weights"))
      for_each_value(*table, "", [&](const std::string& id, const toml::node& node) {
        const std::string key = reader_.full_name("weights") + "." + id;
        const auto weight = read_number(node, key, format::rules::positive, reader_.faults());
        const auto target = target_of(id);
        if (!target) return unknown(node, key, id, "target of the job");
        portfolio_.weights[*target] = weight.value_or(1.0);
      });
  }

  void set_budget(std::size_t target, const toml::node& node, const std::string& key) {
    const bool energy = objectives_[target] == model::Objective::energy;
    const auto budget =
        read_number(node, key, energy ? energy_rule : format::rules::seconds, reader_.faults());
    portfolio_.budgets[target] = budget.value_or(1.0);
    known_[target] = true;
  }

  /// Those of a kind are for all targets of it that have none of their own; what a job or workload
  /// limits needs none, and is never let beyond its limit.
  void read_budgets() {
    portfolio_.budgets.assign(ids_.size(), std::numeric_limits<double>::infinity());
    known_.assign(ids_.size(), false);
    if (reader_.has("budgets")) {
      const toml::table* table = reader_.sub_table("budgets");
      if (table == nullptr) return;
      read_budgets_of(*table);
    }
    std::vector<std::string> without;
    for (std::size_t t = 0; t < ids_.size(); ++t) {
      portfolio_.budgets[t] = std::min(portfolio_.budgets[t], limits_[t]);
      if (!known_[t] && !std::isfinite(limits_[t])) without.push_back(ids_[t]);
    }
    if (without.empty()) return;
    if (!reader_.has("budgets"))
      reader_.fault("budgets",
                    "is missing: a time for each kind of latency, {total = \"100ms\"}, or for each "
                    "target by its id; what max_total_s of a job or workload limits needs none");
    else
      reader_.fault("budgets", fmt::format("has none for {}", some_of(without)));
  }

  void read_budgets_of(const toml::table& table) {
    const std::string name = reader_.full_name("budgets") + ".";
    for_each_value(table, "", [&](const std::string& id, const toml::node& node) {
      if (model::objective_from(id)) return;
      if (const auto target = target_of(id)) return set_budget(*target, node, name + id);
      unknown(node, name + id, id, "kind of latency, and no target of the job");
    });
    for_each_value(table, "", [&](const std::string& id, const toml::node& node) {
      const auto kind = model::objective_from(id);
      if (!kind) return;
      const std::size_t before = reader_.faults().size();
      bool any = false;
      for (std::size_t t = 0; t < ids_.size(); ++t) {
        if (objectives_[t] != *kind) continue;
        any = true;
        if (!known_[t] && reader_.faults().size() == before) set_budget(t, node, name + id);
        known_[t] = true;
      }
      if (!any && !ids_.empty())
        reader_.faults().add(
            node, name + id,
            fmt::format("is of no target: targets.latency does not list \"{}\"", id));
    });
  }

  format::TableReader& reader_;
  search::Portfolio portfolio_;
  std::vector<std::string> ids_;  // of the first law's targets
  std::vector<model::Objective> objectives_;
  std::vector<double> limits_;  // on each one's own objective; infinite: none
  std::vector<bool> known_;
};

}  // namespace

search::Portfolio read_portfolio(format::TableReader& reader, const search::Question& question) {
  return PortfolioReader(reader, question).read();
}

}  // namespace rooflaw::io
