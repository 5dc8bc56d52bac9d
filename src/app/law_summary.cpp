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
constexpr std::size_t precision_budgets = 4;

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
  const bool several = !opinions.least_regret.empty();
  fmt::format_to(out, "  what other laws say of these points{}:\n",
                 several ? ", and of those they would take themselves" : "");
  if (!several)
    out = fmt::format_to(out,
                         "    (no more than how they rate what this law has found, in whose order "
                         "any law nearly\n    agrees; a law in law.id finds its own)\n");
  for (const Opinion& o : opinions.by_law) {
    if (o.law == result.target.law && o.largest_regret == 0.0) continue;
    if (std::isnan(o.mean_regret))
      fmt::format_to(out, "    {:<22} gives no loss: see its multiplier in evaluate\n", o.law);
    else if (several)
      fmt::format_to(
          out,
          "    {:<22} rank correlation over all candidates {:.3f}; regret {:.4f} nats on "
          "average, {:.4f} at most{}\n",
          o.law, o.rank_correlation, o.mean_regret, o.largest_regret,
          o.searched ? "" : " (to the best candidate)");
    else
      fmt::format_to(out, "    {:<22} regret {:.4f} nats on average, {:.4f} at most\n", o.law,
                     o.mean_regret, o.largest_regret);
  }
  if (!several) return;
  write_decisions(out, result);
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

/// What a precision reaches within a budget.
struct Reached {
  const model::Precision* precision = nullptr;
  double loss = 0;
};

/// "int8 3.1310, fp16 +0.0790, w4a16 +0.0142 (a tie: the penalties are known to 0.043)"
std::string in_order(std::vector<Reached> all) {
  std::stable_sort(all.begin(), all.end(),
                   [](const Reached& a, const Reached& b) { return a.loss < b.loss; });
  const auto& [best, least] = all.front();
  std::string text = fmt::format("{} {:.4f}", best->id, least);
  for (std::size_t i = 1; i < all.size(); ++i) {
    const double behind = all[i].loss - least;
    const double ours = best->loss_delta_uncertainty.value_or(0.0),
                 theirs = all[i].precision->loss_delta_uncertainty.value_or(0.0);
    const double doubt = std::sqrt(ours * ours + theirs * theirs);
    text += fmt::format(", {} {:+.4f}", all[i].precision->id, behind);
    if (behind <= doubt) text += fmt::format(" (a tie: penalties known to {:.3f})", doubt);
  }
  return text;
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

std::string precision_order(const search::Question& question,
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
    if (targets.size() > 1)
      for (const double budget : search::ladder(frontiers[targets.front()], precision_budgets)) {
        std::vector<Reached> reached;
        for (const std::size_t t : targets)
          if (const auto* best = search::best_within(frontiers[t], budget))
            reached.push_back({&precision_of(t), best->loss});
        if (reached.size() > 1)
          text += fmt::format("precisions on {}, {}, {} within {}: {}\n", std::get<0>(key),
                              std::get<1>(key), to_string(std::get<2>(key)),
                              readable_objective(std::get<2>(key), budget),
                              in_order(std::move(reached)));
      }
  return text;
}

}  // namespace rooflaw::app
