#include "rooflaw/app/law_summary.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "rooflaw/app/summary.hpp"
#include "rooflaw/core/statistics.hpp"
#include "rooflaw/search/comparison.hpp"

namespace rooflaw::app {

namespace {

using search::Choice;
using search::Opinion;
using Text = std::back_insert_iterator<std::string>;

// Sizes that are no further apart are taken for the same.
constexpr double same_within = 1.25;
constexpr std::size_t tie_budgets = 4;

void write_resamples(Text out, const search::TargetResult& result) {
  const auto& rows = result.resamples->rows;
  std::vector<double> stays;
  for (const auto& row : rows) stays.push_back(row.occurrence);
  const auto& middle = rows[rows.size() / 2];
  fmt::format_to(
      out,
      "  over {} resamples of the law a point stays on the frontier in {:.0f} % of them (median); "
      "within {} the best loss is {:.4f} .. {:.4f} (nine of ten)\n",
      result.resamples->count, 100 * quantile(stays, 0.5),
      readable_objective(result.target.objective, middle.objective), middle.loss_low,
      middle.loss_high);
}

/// "12", or "12 .. 30" and whether that is the same for what is built.
struct Spread {
  std::string text{};
  bool same = true;
  double least = 0, most = 0;
};
Spread spread_of(const std::vector<double>& values, int digits) {
  if (values.empty()) return {.text = "no opinion"};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const auto written = [&](double x) { return fmt::format("{:.{}f}", x, digits); };
  const bool equal = written(*least) == written(*most);
  return {.text = equal ? written(*least) : written(*least) + " .. " + written(*most),
          .same = *most <= same_within * *least,
          .least = *least,
          .most = *most};
}

bool speaks_of(const Opinion& opinion, model::LawVariable variable) {
  return opinion.opinion_on.find(to_string(variable)) != std::string::npos;
}

void write_decisions(Text out, const search::TargetResult& result) {
  const auto& by_law = result.opinions->by_law;
  const std::size_t budgets = by_law.front().choices.size();
  fmt::format_to(out, "    {:<12} {:<13} {:<15} {:<15} {:<12} {}\n", "within", "layers", "width",
                 "FFN ratio", "experts", "the laws differ in");
  for (std::size_t b = 0; b < budgets; ++b) {
    // A law that is silent on a size takes whatever is cheap.
    const auto of = [&](model::LawVariable variable, auto number, int digits) {
      std::vector<double> values;
      for (const auto& opinion : by_law)
        if (b < opinion.choices.size() && speaks_of(opinion, variable))
          values.push_back(static_cast<double>(number(opinion.choices[b])));
      return spread_of(values, digits);
    };
    using enum model::LawVariable;
    const Spread depth = of(
        layers, [](const Choice& c) { return c.layers; }, 0);
    const Spread across = of(
        width, [](const Choice& c) { return c.width; }, 0);
    const Spread ratio = of(
        ffn_ratio, [](const Choice& c) { return c.ffn_ratio; }, 2);
    const Spread experts = of(
        activation_rate, [](const Choice& c) { return c.experts; }, 0);
    std::vector<std::string_view> differ;
    for (const auto& [spread, name] :
         {std::pair{&depth, "depth"}, {&across, "width"}, {&ratio, "FFN ratio"}})
      if (!spread->same) differ.emplace_back(name);
    if (experts.least == 1.0 && experts.most > 1.0) differ.emplace_back("MoE or dense");
    fmt::format_to(
        out, "    {:<12} {:<13} {:<15} {:<15} {:<12} {}\n",
        readable_objective(result.target.objective, by_law.front().choices[b].within), depth.text,
        across.text, ratio.text, experts.text,
        differ.empty() ? std::string("nothing") : fmt::format("{}", fmt::join(differ, ", ")));
  }
}

void write_opinions(Text out, const search::TargetResult& result) {
  const auto& opinions = *result.opinions;
  fmt::format_to(out, "  what other laws say of these points{}:\n",
                 opinions.least_regret.empty() ? "" : ", and of those they would take themselves");
  for (const Opinion& o : opinions.by_law) {
    if (o.law == result.target.law && o.largest_regret == 0.0) continue;
    if (std::isnan(o.mean_regret))
      fmt::format_to(out, "    {:<22} gives no loss: see its multiplier in evaluate\n", o.law);
    else
      fmt::format_to(out,
                     "    {:<22} ranks the candidates alike to {:.3f}; regret {:.4f} nats on "
                     "average, {:.4f} at most{}\n",
                     o.law, o.rank_correlation, o.mean_regret, o.largest_regret,
                     o.searched ? "" : " (to the best candidate; it was not searched with)");
  }
  write_decisions(out, result);
  if (opinions.least_regret.empty()) return;
  const Choice& middle = opinions.least_regret[opinions.least_regret.size() / 2];
  fmt::format_to(out,
                 "    least worst regret within {}: {} layers, width {}, FFN ratio {:.2f}, {}; at "
                 "most {:.4f} nats under any law (of their frontiers' points; /least_regret)\n",
                 readable_objective(result.target.objective, middle.within), middle.layers,
                 middle.width, middle.ffn_ratio,
                 middle.experts == 1
                     ? std::string("dense")
                     : fmt::format("{} of {} experts", middle.top_k, middle.experts),
                 middle.worst_regret);
}

}  // namespace

std::string law_summary(const search::TargetResult& result) {
  std::string text;
  const Text out = std::back_inserter(text);
  if (result.rows.empty()) return text;
  if (result.resamples) write_resamples(out, result);
  if (result.opinions) write_opinions(out, result);
  return text;
}

std::string precision_ties(const search::Question& question,
                           const std::vector<search::FrontierPoints>& frontiers) {
  using Key = std::tuple<std::string, std::string, model::Objective>;
  std::map<Key, std::vector<std::size_t>> groups;  // targets that differ in precision alone
  for (std::size_t t = 0; t < question.targets.size(); ++t) {
    const auto& target = question.targets[t];
    const auto& s = deployment_of(question, target).scenario;
    if (target.law == 0 && !frontiers[t].empty())
      groups[{s.device.id, s.workload.id, target.objective}].push_back(t);
  }
  const auto precision_of = [&](std::size_t t) -> const model::Precision& {
    return deployment_of(question, question.targets[t]).scenario.precision;
  };
  std::string text;
  for (const auto& [key, targets] : groups)
    for (std::size_t i = 0; i < targets.size(); ++i)
      for (std::size_t j = i + 1; j < targets.size(); ++j) {
        const auto &a = precision_of(targets[i]), &b = precision_of(targets[j]);
        const double ua = a.loss_delta_uncertainty.value_or(0.0),
                     ub = b.loss_delta_uncertainty.value_or(0.0);
        const double doubt = std::sqrt(ua * ua + ub * ub);
        const auto budgets = search::ladder(frontiers[targets[i]], tie_budgets);
        std::size_t ties = 0, compared = 0;
        for (const double budget : budgets) {
          const auto* x = search::best_within(frontiers[targets[i]], budget);
          const auto* y = search::best_within(frontiers[targets[j]], budget);
          if (x == nullptr || y == nullptr) continue;
          ++compared;
          if (std::abs(x->loss - y->loss) <= doubt) ++ties;
        }
        if (ties > 0 && a.id != b.id)
          text += fmt::format(
              "tie: {} and {} on {}, {} {}: within the uncertainty of their penalties ({:.3f} "
              "nats) at {} of {} budgets\n",
              a.id, b.id, std::get<0>(key), std::get<1>(key), to_string(std::get<2>(key)), doubt,
              ties, compared);
      }
  return text;
}

}  // namespace rooflaw::app
