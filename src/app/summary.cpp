#include "rooflaw/app/summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "rooflaw/app/command_line.hpp"
#include "rooflaw/search/refine/refine.hpp"

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
  // Sorted by latency, so the loss falls.
  s.least_latency_s = rows.front().latency_s;
  s.largest_latency_s = rows.back().latency_s;
  s.largest_loss = rows.front().evaluation.loss;
  s.least_loss = rows.back().evaluation.loss;
  s.moe = share([](const Row& r) { return r.architecture.experts > 1; });
  s.top_1 = share([](const Row& r) { return r.architecture.top_k == 1; });
  s.shallow = share([](const Row& r) { return r.architecture.layers < 20; });
  s.narrow_ffn = share([](const Row& r) { return r.evaluation.point.ffn_ratio < 1.0; });
  s.extrapolated = share([](const Row& r) { return r.evaluation.extrapolated; });
  std::vector<std::int64_t> experts;
  for (const auto& r : rows) experts.push_back(r.architecture.experts);
  std::sort(experts.begin(), experts.end());
  const std::size_t middle = experts.size() / 2;
  s.median_experts = experts.size() % 2 == 1
                         ? static_cast<double>(experts[middle])
                         : 0.5 * static_cast<double>(experts[middle - 1] + experts[middle]);
  return s;
}

std::vector<Comparison> compare_models(const io::Job& job, const search::Target& target,
                                       const std::vector<Row>& rows) {
  std::vector<Comparison> list;
  const auto& deployment = job.question.deployments[target.deployment];
  for (const auto& [entry, provenance] : job.models) {
    if (!entry.not_expressible.empty()) continue;
    if (model::extrapolates(job.question.law.range, entry.architecture)) continue;
    const auto e = model::evaluate(job.question.law, entry.architecture, deployment.scenario);
    Comparison c{.model = entry.id,
                 .model_loss = e.loss,
                 .latency_s = value_of(target.objective, e, deployment.scenario),
                 .fits = e.memory.total() <= deployment.limits.of(model::Objective::memory),
                 .best_loss = std::numeric_limits<double>::quiet_NaN()};
    const auto slower =
        std::upper_bound(rows.begin(), rows.end(), c.latency_s,
                         [](double latency, const Row& row) { return latency < row.latency_s; });
    if (slower != rows.begin()) c.best_loss = std::prev(slower)->evaluation.loss;
    c.perplexity_change = std::expm1(c.best_loss - c.model_loss);
    list.push_back(c);
  }
  return list;
}

namespace {

using Text = std::back_insert_iterator<std::string>;

void write_comparisons(Text out, const std::vector<Comparison>& comparisons) {
  if (comparisons.empty()) return;
  fmt::format_to(out, "    {:<18} {:>11} {:>9} {:>14} {:>11}\n", "public model", "latency",
                 "its loss", "best loss there", "perplexity");
  for (const auto& c : comparisons) {
    const std::string best =
        std::isnan(c.best_loss) ? "none as fast" : fmt::format("{:.4f}", c.best_loss);
    const std::string change =
        std::isnan(c.best_loss) ? "" : fmt::format("{:+.1f} %", 100 * c.perplexity_change);
    fmt::format_to(out, "    {:<18} {:>11} {:>9.4f} {:>15} {:>11}{}\n", c.model,
                   readable_seconds(c.latency_s), c.model_loss, best, change,
                   c.fits ? "" : "  (does not fit the memory)");
  }
}

std::string how_found(const search::Question& question, const io::TargetFrontier& frontier) {
  if (frontier.certified) return "all there are";
  if (question.strategy == search::Strategy::exact)
    return fmt::format("none of the space is better by {:g} nats", question.tolerance);
  std::string text =
      question.strategy == search::Strategy::plas ? "found by plas" : "of those sampled";
  if (frontier.hypervolume_share)
    text += fmt::format(", {:.4f} % of the true hypervolume, at most {:.2g} nats above",
                        100 * *frontier.hypervolume_share, frontier.loss_gap_bound);
  return text;
}

void write_refined(Text out, const search::Question& question, const io::TargetFrontier& frontier) {
  if (!question.refine.enabled) return;
  const FrontierSummary s = summarize(frontier.refined);
  fmt::format_to(out,
                 "  refined: {} more points between those of the space, hypervolume {:+.2f} %, law "
                 "extrapolates {:.1f} %\n",
                 s.size, 100 * search::hypervolume_gain(frontier.rows, frontier.refined),
                 100 * s.extrapolated);
}

}  // namespace

std::string target_summary(const io::Job& job, std::size_t number,
                           const io::TargetFrontier& frontier) {
  const auto& target = job.question.targets[number];
  const FrontierSummary s = summarize(frontier.rows);
  std::string text = fmt::format("\n{}\n", target.id);
  const Text out = std::back_inserter(text);
  if (frontier.rows.empty()) {
    fmt::format_to(out, "  no architecture of the space meets the limits with a finite loss\n");
    return text;
  }
  fmt::format_to(out, "  frontier {} points ({}), loss {:.4f} .. {:.4f}, latency {} .. {}\n",
                 s.size, how_found(job.question, frontier), s.least_loss, s.largest_loss,
                 readable_seconds(s.least_latency_s), readable_seconds(s.largest_latency_s));
  fmt::format_to(
      out,
      "  MoE {:.1f} %, top-1 {:.1f} %, under 20 layers {:.1f} %, activated FFN ratio < 1 "
      "{:.1f} %, median experts {:g}, law extrapolates {:.1f} %\n",
      100 * s.moe, 100 * s.top_1, 100 * s.shallow, 100 * s.narrow_ffn, s.median_experts,
      100 * s.extrapolated);
  write_refined(out, job.question, frontier);
  write_comparisons(out, compare_models(job, target, frontier.rows));
  return text;
}

std::string trust_notes(const io::Job& job) {
  std::set<std::string> uncalibrated, estimated, replaced;
  for (const auto& deployment : job.question.deployments) {
    const auto& s = deployment.scenario;
    if (!s.calibrated) uncalibrated.insert(s.device.id);
    if (s.device.confidence == "estimate") estimated.insert(s.device.id);
    if (s.attention_type != s.precision.attention)
      replaced.insert(fmt::format("{} ({} for {})", s.device.id, to_string(s.attention_type),
                                  to_string(s.precision.attention)));
  }
  std::string text;
  const auto list = [&](const std::set<std::string>& names, const char* what) {
    if (!names.empty()) text += fmt::format("note: {}: {}\n", what, fmt::join(names, ", "));
  };
  list(uncalibrated,
       "latencies are the data-sheet roofline, a lower bound (no calibrated efficiency)");
  list(estimated, "the chip's numbers are estimates");
  list(replaced, "attention runs in another type than the precision asks for");
  return text;
}

}  // namespace rooflaw::app
