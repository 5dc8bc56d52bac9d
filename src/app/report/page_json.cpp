// The numbers of the page, for its script.

#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "report/sections.hpp"
#include "rooflaw/core/printable.hpp"

namespace rooflaw::app::report {

using nlohmann::json;

namespace {

/// To five digits; null where it is no number.
json number(double x) {
  if (!std::isfinite(x)) return nullptr;
  const double rounded = std::strtod(fmt::format("{:.5g}", x).c_str(), nullptr);
  if (std::abs(rounded) < 1e15 && rounded == std::floor(rounded))
    return static_cast<std::int64_t>(rounded);
  return rounded;
}

template <class T, class Of>
json column(const std::vector<T>& entries, Of of) {
  json all = json::array();
  bool alike = !entries.empty();
  for (const auto& entry : entries) {
    all.push_back(of(entry));
    alike = alike && all.back() == all.front();
  }
  return alike ? all.front() : all;
}

/// The columns of the frontier under their names, but for what follows from others.
json rows_json(const std::vector<search::Row>& rows) {
  json columns = json::object();
  search::for_each_column([&](const char* name, const char*, auto field, auto) {
    const std::string_view n = name;
    if (n == "index" || n == "latency_s" || n == "perplexity" || n.starts_with("loss_delta"))
      return;
    columns[name] = column(rows, [&](const search::Row& row) -> json {
      using Value = std::decay_t<decltype(row.*field)>;
      if constexpr (std::is_same_v<Value, bool>)
        return static_cast<int>(row.*field);
      else if constexpr (std::is_same_v<Value, double>)
        return number(row.*field);
      else if constexpr (std::is_enum_v<Value>)
        return to_string(row.*field);
      else
        return row.*field;
    });
  });
  return columns;
}

json sensitivity_json(const std::vector<theory::Sensitivity>& all) {
  using S = theory::Sensitivity;
  json columns = json::object();
  const std::pair<const char*, double S::*> fields[] = {
      {"exchange_layers", &S::exchange_layers},
      {"exchange_width", &S::exchange_width},
      {"exchange_ffn_ratio", &S::exchange_ffn_ratio},
      {"exchange_kv_dim", &S::exchange_kv_dim},
      {"dloss_dlayers", &S::dloss_dlayers},
      {"dloss_dwidth", &S::dloss_dwidth},
      {"elasticity_compute", &S::elasticity_compute},
      {"elasticity_bandwidth", &S::elasticity_bandwidth},
      {"elasticity_overhead", &S::elasticity_overhead},
      {"worth_compute", &S::worth_compute},
      {"worth_bandwidth", &S::worth_bandwidth},
      {"worth_memory", &S::worth_memory}};
  for (const auto& [name, field] : fields)
    columns[name] = column(all, [field = field](const S& s) { return number(s.*field); });
  return columns;
}

json marks_json(const std::vector<ModelMark>& marks) {
  json all = json::array();
  for (const auto& m : marks)
    all.push_back({{"id", printable(m.id)},
                   {"own", m.own},
                   {"objective", number(m.objective)},
                   {"loss", number(m.loss)},
                   {"best", number(m.best_loss)},
                   {"extrapolated", m.extrapolated},
                   {"misses", !m.missed.empty()}});
  return all;
}

json target_json(const PageStudy& study, const PageTarget& t, std::size_t group) {
  const double limit = t.deployment.limits.of(t.info.objective);
  return {{"group", group},
          {"device", printable(t.info.device)},
          {"precision", printable(t.info.precision)},
          {"colour", study.colour_of(t.info)},
          {"dash", study.dash_of(t.info)},
          {"basis", to_string(t.info.efficiency)},
          {"certified", t.certified},
          {"points", t.points},
          {"shown", t.rows.size()},
          {"memory_budget_bytes", number(t.info.memory_budget_bytes)},
          {"limit", number(limit)},
          {"rows", rows_json(t.rows)},
          {"sensitivity", sensitivity_json(t.sensitivity)},
          {"prefill", t.prefill},
          {"decode", t.decode},
          {"models", marks_json(t.models)}};
}

}  // namespace

json page_json(const PageStudy& study) {
  json groups = json::array(), targets = json::array();
  for (std::size_t g = 0; g < study.groups.size(); ++g) {
    const auto& group = study.groups[g];
    json budgets = json::array();
    for (const auto& budget : study.budgets)
      if (budget.objective == group.objective) budgets.push_back(number(budget.bound));
    groups.push_back({{"budgets", budgets},
                      {"name", printable(group_name(study, group))},
                      {"objective", to_string(group.objective)},
                      {"axis", group.objective == model::Objective::energy ? "J" : "s"}});
    for (const auto place : group.targets)
      targets.push_back(target_json(study, study.targets[place], g));
  }
  json devices = json::array(), precisions = json::array();
  for (const auto& id : study.devices) devices.push_back(printable(id));
  for (const auto& id : study.precisions) precisions.push_back(printable(id));
  return {
      {"groups", groups}, {"targets", targets}, {"devices", devices}, {"precisions", precisions}};
}

}  // namespace rooflaw::app::report
