#include "rooflaw/app/summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"

namespace rooflaw::app {

using search::Row;

FrontierSummary summarize(const std::vector<Row>& rows) {
  FrontierSummary s;
  s.size = rows.size();
  if (rows.empty()) return s;
  const auto share = [&](auto holds) {
    return static_cast<double>(std::count_if(rows.begin(), rows.end(), holds)) /
           static_cast<double>(rows.size());
  };
  // Sorted by objective, so the loss falls.
  s.least_objective = rows.front().objective;
  s.largest_objective = rows.back().objective;
  s.largest_loss = rows.front().loss;
  s.least_loss = rows.back().loss;
  s.moe = share([](const Row& r) { return r.experts > 1; });
  s.top_1 = share([](const Row& r) { return r.top_k == 1; });
  s.shallow = share([](const Row& r) { return r.layers < 20; });
  s.narrow_ffn = share([](const Row& r) { return r.ffn_ratio < 1.0; });
  s.extrapolated = share([](const Row& r) { return r.extrapolated; });
  std::vector<std::int64_t> experts;
  for (const auto& r : rows) experts.push_back(r.experts);
  std::sort(experts.begin(), experts.end());
  const std::size_t middle = experts.size() / 2;
  s.median_experts = experts.size() % 2 == 1
                         ? static_cast<double>(experts[middle])
                         : 0.5 * static_cast<double>(experts[middle - 1] + experts[middle]);
  return s;
}

std::string why_not_compared(const io::ModelEntry& model, const model::Law& law) {
  if (!model.not_expressible.empty()) return "no architecture here expresses them";
  if (!model::law_has_opinion(model.architecture)) return "the law has no opinion on their layers";
  if (model::extrapolates(law.range, model.architecture)) return "the law extrapolates";
  return "";
}

std::string models_left_out(const std::vector<io::Loaded<io::ModelEntry>>& models,
                            const model::Law& law) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const auto& loaded : models)
    if (const auto why = why_not_compared(loaded.value, law); !why.empty())
      by_reason[why].push_back(loaded.value.id);
  std::string text;
  for (const auto& [why, ids] : by_reason)
    text += fmt::format("not compared, {}: {}\n", why, fmt::join(ids, ", "));
  return text;
}

std::vector<Comparison> compare_models(const search::TargetResult& result,
                                       const std::vector<io::Loaded<io::ModelEntry>>& models,
                                       const model::Law& law,
                                       const search::Deployment& deployment) {
  const auto& scenario = deployment.scenario;
  const auto limits = weighted_limits(deployment.limits, scenario);
  std::vector<Comparison> list;
  const auto& rows = result.rows;
  for (const auto& [entry, provenance] : models) {
    if (!why_not_compared(entry, law).empty()) continue;
    const auto e = model::evaluate(law, entry.architecture, scenario);
    Comparison c{.model = entry.id,
                 .model_loss = e.loss,
                 .objective = value_of(result.target.objective, e, scenario),
                 .missed = {},
                 .best_loss = std::numeric_limits<double>::quiet_NaN()};
    for (const auto& limit : limits)
      if (!(weighted(limit.weights, e.costs()) <= limit.bound)) c.missed.push_back(limit.objective);
    const auto slower =
        std::upper_bound(rows.begin(), rows.end(), c.objective,
                         [](double value, const Row& row) { return value < row.objective; });
    if (slower != rows.begin()) c.best_loss = std::prev(slower)->loss;
    c.perplexity_change = std::expm1(c.best_loss - c.model_loss);
    list.push_back(c);
  }
  return list;
}

namespace {

using Text = std::back_insert_iterator<std::string>;

/// "  (misses memory, prefill)"
std::string missed_text(const std::vector<model::Objective>& missed) {
  std::vector<std::string_view> names;
  for (const auto objective : missed) names.push_back(to_string(objective));
  return names.empty() ? "" : fmt::format("  (misses {})", fmt::join(names, ", "));
}

void write_comparisons(Text out, model::Objective objective,
                       const std::vector<Comparison>& comparisons) {
  if (comparisons.empty()) return;
  fmt::format_to(out, "    {:<18} {:>11} {:>9} {:>14} {:>11}\n", "public model",
                 to_string(objective), "its loss", "best loss there", "perplexity");
  for (const auto& c : comparisons) {
    const std::string best =
        std::isnan(c.best_loss) ? "none as fast" : fmt::format("{:.4f}", c.best_loss);
    const std::string change =
        std::isnan(c.best_loss) ? "" : fmt::format("{:+.1f} %", 100 * c.perplexity_change);
    fmt::format_to(out, "    {:<18} {:>11} {:>9.4f} {:>15} {:>11}{}\n", c.model,
                   readable_objective(objective, c.objective), c.model_loss, best, change,
                   missed_text(c.missed));
  }
}

std::string how_found(const search::TargetResult& result, std::string_view strategy) {
  if (result.certified) return "all there are";
  if (!result.hypervolume_share && !std::isnan(result.loss_gap_bound))
    return fmt::format("none of the space is better by {:g} nats", result.loss_gap_bound);
  const auto method = search::method_from(strategy);
  std::string text(method ? how_found(*method) : "found");
  if (result.hypervolume_share) {
    text += fmt::format(", {:.4f} % of the true hypervolume, ", 100 * *result.hypervolume_share);
    text += std::isinf(result.loss_gap_bound)
                ? "no point as fast as the fastest"
                : fmt::format("at most {:.2g} nats above", result.loss_gap_bound);
  }
  return text;
}

/// NLopt's failures are no error, but no secret either.
void write_relaxations(Text out, const io::RunRecord& run, const std::string& prefix) {
  const auto found = run.counts.find(prefix + "relaxations");
  if (found == run.counts.end() || found->second == 0) return;
  fmt::format_to(out,
                 "  {} gaps' relaxed optima sought by NLopt, of which {} stopped at their limit of "
                 "evaluations and {} failed; {} of all ended above a limit\n",
                 found->second, run.counts.at(prefix + "relaxations_out_of_evaluations"),
                 run.counts.at(prefix + "relaxations_failed"),
                 run.counts.at(prefix + "relaxations_infeasible"));
}

}  // namespace

std::string readable_objective(model::Objective objective, double value) {
  return objective == model::Objective::energy ? readable_count(value, "J")
                                               : readable_seconds(value);
}

std::string target_summary(const search::TargetResult& result, std::string_view strategy,
                           const std::vector<Comparison>& comparisons) {
  const FrontierSummary s = summarize(result.rows);
  std::string text = fmt::format("\n{}\n", result.target.id);
  const Text out = std::back_inserter(text);
  if (result.rows.empty()) {
    fmt::format_to(out, "  no architecture of the space meets the limits with a finite loss\n");
    return text;
  }
  fmt::format_to(out, "  frontier {} points ({}), loss {:.4f} .. {:.4f}, {} {} .. {}\n", s.size,
                 how_found(result, strategy), s.least_loss, s.largest_loss,
                 to_string(result.target.objective),
                 readable_objective(result.target.objective, s.least_objective),
                 readable_objective(result.target.objective, s.largest_objective));
  fmt::format_to(
      out,
      "  MoE {:.1f} %, top-1 {:.1f} %, under 20 layers {:.1f} %, activated FFN ratio < 1 "
      "{:.1f} %, median experts {:g}, law extrapolates {:.1f} %\n",
      100 * s.moe, 100 * s.top_1, 100 * s.shallow, 100 * s.narrow_ffn, s.median_experts,
      100 * s.extrapolated);
  const auto& middle = result.rows[result.rows.size() / 2];
  if (!std::isnan(middle.latency_low_s))
    fmt::format_to(out, "  nine of ten measured times lie within {:.2f} .. {:.2f} of these\n",
                   middle.latency_low_s / middle.latency_s,
                   middle.latency_high_s / middle.latency_s);
  if (result.in_range && !result.in_range->rows.empty()) {
    const FrontierSummary inside = summarize(result.in_range->rows);
    fmt::format_to(out, "  in the law's range: {} points, loss {:.4f} .. {:.4f}, {} .. {}\n",
                   inside.size, inside.least_loss, inside.largest_loss,
                   readable_objective(result.target.objective, inside.least_objective),
                   readable_objective(result.target.objective, inside.largest_objective));
  } else if (result.in_range) {
    fmt::format_to(out, "  in the law's range: no point meets the limits\n");
  }
  if (result.refined)
    fmt::format_to(out,
                   "  refined: {} more points between those of the space, hypervolume {:+.2f} %, "
                   "law extrapolates {:.1f} %\n",
                   result.refined->rows.size(), 100 * result.refined->hypervolume_gain,
                   100 * summarize(result.refined->rows).extrapolated);
  write_comparisons(out, result.target.objective, comparisons);
  return text;
}

std::string trust_notes(const std::vector<search::TargetInfo>& targets,
                        const std::vector<model::Precision>& precisions) {
  std::set<std::string> ideal, prior, estimated, replaced;
  for (const auto& target : targets) {
    if (target.efficiency == model::Basis::ideal) ideal.insert(target.device);
    if (target.efficiency == model::Basis::prior)
      prior.insert(
          fmt::format("{} {} {}", target.device, target.precision, to_string(target.objective)));
    if (target.device_confidence == "estimate") estimated.insert(target.device);
    for (const auto& precision : precisions)
      if (precision.id == target.precision && precision.attention != target.attention_type)
        replaced.insert(fmt::format("{} ({} for {})", target.device,
                                    to_string(target.attention_type),
                                    to_string(precision.attention)));
  }
  std::string text;
  const auto list = [&](const std::set<std::string>& names, const char* what) {
    if (!names.empty()) text += fmt::format("note: {}: {}\n", what, fmt::join(names, ", "));
  };
  list(prior, "not measured, efficiencies are those of chips of the same class");
  list(ideal, "latencies are the data-sheet roofline, a lower bound (no calibrated efficiency)");
  list(estimated, "the chip's numbers are estimates");
  list(replaced, "attention runs in another type than the precision asks for");
  return text;
}

std::string work_summary(const search::Question& question, const search::Method& method,
                         const io::RunRecord& run, bool verbose) {
  const double seconds = run.seconds.at("search");
  const auto scored = static_cast<double>(run.points_scored);
  const bool exact = std::holds_alternative<search::Exact>(method);
  const double pairs = exact ? static_cast<double>(search::count_within(question.space)) *
                                   static_cast<double>(question.targets.size())
                             : scored;
  std::string text = fmt::format("{} pairs of architecture and target {} in {} on {} rank{}\n",
                                 readable_count(pairs), exact ? "proven" : "scored",
                                 readable_seconds(seconds), run.ranks, run.ranks == 1 ? "" : "s");
  if (!run.complete) text += "stopped by max_seconds\n";
  if (!verbose) return text;
  const Text out = std::back_inserter(text);
  fmt::format_to(out, "  {} of them scored, {}/s\n", readable_count(scored),
                 readable_count(pairs / seconds));
  write_relaxations(out, run, "");
  if (run.seconds.contains("refine")) {
    fmt::format_to(out, "refine stage: {} architectures scored in {}\n",
                   run.counts.at("refine_architectures_scored"),
                   readable_seconds(run.seconds.at("refine")));
    write_relaxations(out, run, "refine_");
  }
  return text;
}

}  // namespace rooflaw::app
