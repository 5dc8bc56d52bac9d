#include "portfolio.hpp"

namespace rooflaw::app {

using nlohmann::ordered_json;
using search::LawPortfolio;
using search::PortfolioResult;

namespace {

template <class Value>
auto shown(const Value& value) {
  if constexpr (std::is_enum_v<Value>)
    return std::string(to_string(value));
  else
    return value;
}

/// The columns of a row.
void put_row(const search::Row& row, ordered_json& to) {
  search::for_each_column(
      [&](const char* name, const char*, auto field, auto) { to[name] = shown(row.*field); });
}

ordered_json target_json(const search::PortfolioTarget& t, const search::TargetInfo& info) {
  return {{"id", t.id},
          {"device", info.device},
          {"precision", info.precision},
          {"workload", info.workload},
          {"latency", to_string(info.objective)},
          {"weight", t.weight},
          {"budget", t.budget},
          {"unit", info.objective_unit},
          {"memory_budget_bytes", info.memory_budget_bytes},
          {"feasible", t.feasible},
          {"own_loss", t.own_loss},
          {"own_index", t.own_index},
          {"least_budget", t.least_budget},
          {"least_memory_bytes", t.least_memory_bytes}};
}

ordered_json choice_json(const LawPortfolio& law, const search::PortfolioSummary& c) {
  ordered_json choice{{"k", c.k},
                      {"targets_served", c.targets_served},
                      {"weight_served", c.weight_served},
                      {"weight_bound", c.weight_bound},
                      {"mean_loss", c.mean_loss},
                      {"price", c.price},
                      {"worst_regret", c.worst_regret},
                      {"certified", c.certified},
                      {"loss_gap_bound", c.loss_gap_bound},
                      {"architectures", ordered_json::array()},
                      {"not_served", ordered_json::array()}};
  std::vector<bool> served(law.targets.size(), false);
  for (const auto& a : law.architectures) {
    if (a.k != c.k) continue;
    const auto& row = a.row;
    ordered_json architecture{{"loss", a.loss},
                              {"weight", a.weight},
                              {"params_total", row.params_total},
                              {"params_active", row.params_active},
                              {"layers", row.layers},
                              {"width", row.width},
                              {"index", row.index},
                              {"extrapolated", row.extrapolated},
                              {"runs", ordered_json::array()}};
    for (const auto& run : law.runs) {
      if (run.k != a.k || run.number != a.number) continue;
      const auto target = static_cast<std::size_t>(run.target);
      served[target] = true;
      ordered_json of_target{{"target", law.targets[target].id}, {"regret", run.regret}};
      put_row(run.row, of_target);
      architecture["runs"].push_back(std::move(of_target));
    }
    choice["architectures"].push_back(std::move(architecture));
  }
  for (std::size_t t = 0; t < served.size(); ++t)
    if (!served[t]) choice["not_served"].push_back(law.targets[t].id);
  return choice;
}

}  // namespace

ordered_json portfolio_json(const PortfolioResult& result) {
  ordered_json all{{"objective", to_string(result.objective)}, {"laws", ordered_json::array()}};
  for (const auto& law : result.by_law) {
    ordered_json of_law{
        {"law", law.law}, {"targets", ordered_json::array()}, {"choices", ordered_json::array()}};
    for (std::size_t t = 0; t < law.targets.size(); ++t)
      of_law["targets"].push_back(target_json(law.targets[t], result.targets[t]));
    for (const auto& choice : law.choices) of_law["choices"].push_back(choice_json(law, choice));
    all["laws"].push_back(std::move(of_law));
  }
  if (result.robust.empty()) return all;
  auto& robust = all["robust"] = {{"certified", false}, {"choices", ordered_json::array()}};
  for (const auto& r : result.robust) {
    ordered_json choice{{"k", r.k}, {"law", r.law}, {"worst_regret", r.worst_regret}};
    for (const auto& regret : result.regrets)
      if (regret.k == r.k) choice["regrets"][regret.law][regret.under] = regret.regret;
    robust["choices"].push_back(std::move(choice));
  }
  return all;
}

}  // namespace rooflaw::app
