// What a search found, as a result file and as text.

#include "search_report.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "rooflaw/app/decision.hpp"
#include "rooflaw/app/law_summary.hpp"
#include "rooflaw/app/summary.hpp"
#include "rooflaw/io/result_file.hpp"
#include "rooflaw/io/result_setting.hpp"
#include "rooflaw/search/refine/refine.hpp"
#include "text_table.hpp"

namespace rooflaw::app {

namespace {

/// Before the rows: what the budgets and ties hang on.
std::vector<Contested> contested_of(const io::Job& job, const search::Findings& findings) {
  const auto setting = io::setting_of(job.text, job.name);
  std::vector<Contested> all;
  for (std::size_t t = 0; t < job.question.targets.size(); ++t) {
    const auto& target = job.question.targets[t];
    const auto& deployment = deployment_of(job.question, target);
    const auto info = info_of(job.question, target);
    const auto* in_range = search::in_range_points(findings, job.question, t);
    all.push_back({.info = info,
                   .memory = io::budget_name(setting, info),
                   .limits = deployment.limits,
                   .loss_uncertainty = deployment.scenario.precision.loss_delta_uncertainty,
                   .frontier = findings.search->frontiers[t],
                   .in_range = {}});
    if (in_range != nullptr) all.back().in_range = *in_range;
  }
  return all;
}

// A row of all tables is a kilobyte.
constexpr std::size_t rows_at_once = 4096;

// More would not be read at the end of a run.
constexpr std::size_t most_targets = 12;

/// Of each device, workload and latency one budget only, the third of the ladder, and the precision
/// that is best there.
std::vector<Decision> condensed(const std::vector<Decision>& all) {
  constexpr std::size_t rung = 2;
  std::map<std::string, std::vector<double>> budgets;  // by device, ...
  const auto group_of = [](const Decision& d) {
    return fmt::format("{} {} {} {} {}", d.target.law, d.target.device, d.target.workload,
                       to_string(d.target.objective), d.memory);
  };
  for (const auto& d : all) {
    auto& known = budgets[group_of(d)];
    if (std::find(known.begin(), known.end(), d.budget) == known.end()) known.push_back(d.budget);
  }
  std::map<std::string, std::size_t> place;
  std::vector<Decision> some;
  for (const auto& d : all) {
    auto& ladder = budgets[group_of(d)];
    std::sort(ladder.begin(), ladder.end());
    if (d.budget != ladder[std::min(rung, ladder.size() - 1)]) continue;
    const auto [known, is_new] = place.emplace(group_of(d), some.size());
    if (is_new) {
      some.push_back(d);
    } else if (Decision& before = some[known->second];
               d.best && (!before.best || d.best->loss < before.best->loss)) {
      before = d;
    }
  }
  return some;
}

std::string further(const std::string& path, bool other_laws) {
  return fmt::format(
      "further: rooflaw best {0} --budget total=100ms (other budgets, --json); rooflaw inspect {0} "
      "--verbose (each frontier{1}); rooflaw export {0} -o DIR (all points as CSV); rooflaw report "
      "{0} -o FILE.html (a page)",
      path, other_laws ? ", what other laws say" : "");
}

/// Statistics, public models, laws, precisions: for whoever wants more than the decision.
class Verbose {
 public:
  Verbose(const io::Job& job, bool wanted) : job_(job), wanted_(wanted) {}

  void add(const search::TargetResult& result, const search::Target& asked) {
    if (!wanted_) return;
    const auto& question = job_.question;
    if (question.laws.size() > 1) text_ += fmt::format("\nby law {}:", result.target.law);
    text_ += target_summary(result, to_string(job_.method),
                            compare_models(result, job_.models, law_of(question, asked),
                                           deployment_of(question, asked)));
    text_ += law_summary(result);
    targets_.push_back(result.target);
  }

  std::string text(const search::Findings& findings) const {
    if (!wanted_) return "";
    const auto& question = job_.question;
    std::string left_out;
    for (const auto& law : question.laws) {
      if (question.laws.size() > 1) left_out += fmt::format("by law {}:\n", law.id);
      left_out += models_left_out(job_.models, law);
    }
    std::vector<model::Precision> precisions;
    for (const auto& d : question.deployments) precisions.push_back(d.scenario.precision);
    return fmt::format("{}\n{}{}{}\n", text_, left_out,
                       precision_order(question, findings.search->frontiers),
                       trust_notes(targets_, precisions));
  }

 private:
  const io::Job& job_;
  bool wanted_;
  std::string text_;
  std::vector<search::TargetInfo> targets_;
};

std::string winners(const io::Job& job, const std::vector<Decision>& decided,
                    const std::string& path, std::size_t width) {
  const std::size_t targets = job.question.targets.size();
  if (targets <= most_targets) return decision_text(decided, width);
  return decision_text(condensed(decided), width) +
         wrapped(fmt::format("of {} targets: one time each and the best precision there; all by "
                             "rooflaw best {}",
                             targets, path),
                 width);
}

std::string notes(const io::Job& job, std::size_t width) {
  std::string text;
  for (const auto& note : job.notes) text += wrapped("note: " + note, width);
  return text;
}

}  // namespace

std::string write_report(const io::Job& job, const search::Findings& findings, io::RunRecord run,
                         const std::string& path, bool verbose,
                         const std::function<void()>& between,
                         const std::function<void()>& last_look) {
  using Clock = std::chrono::steady_clock;
  io::note_findings(findings, run);
  const search::Question& question = job.question;
  const search::Question fine = search::refined_question(question);
  std::vector<model::Law> others;
  for (const auto& law : job.opinions) others.push_back(law.value);
  const auto contested = contested_of(job, findings);
  const auto asked = picks(contested, {});
  std::vector<Decision> decided;
  Verbose statistics(job, verbose);
  const auto write_next = [&](format::Hdf5Writer& file, std::size_t target) {
    const auto timed = [&](const auto& describe) {
      const auto start = Clock::now();
      auto described = describe();
      run.seconds["describe"] += std::chrono::duration<double>(Clock::now() - start).count();
      return described;
    };
    const auto described = timed(
        [&] { return search::Description(findings, question, fine, job.method, target, others); });
    std::vector<std::pair<const Pick*, Found>> found;
    for (const auto& pick : asked)
      if (pick.target == target) found.emplace_back(&pick, Found{});
    // Statistics are of whole frontiers.
    const std::size_t rows = verbose ? std::max<std::size_t>(described.size(), 1) : rows_at_once;
    std::size_t first = 0;
    do {
      const auto part = timed([&] { return described.part(first, rows); });
      io::write_part(file, part, {first, described.rows(), described.rows_in_range()});
      for (auto& [pick, taken] : found) take(taken, *pick, part, first);
      statistics.add(part, question.targets[target]);
      first += rows;
      between();
    } while (first < described.size());
    for (const auto& [pick, taken] : found)
      decided.push_back(decide(contested[target], *pick, taken));
    return contested[target].info;
  };
  io::write_result(path, job, write_next, run, last_look);

  const std::size_t width = terminal_width();
  return fmt::format("{}{}{}{}{}\nresult: {}\n", statistics.text(findings),
                     winners(job, decided, path, width), notes(job, width),
                     work_summary(question, job.method, run, verbose),
                     wrapped(further(path, question.laws.size() + others.size() > 1), width), path);
}

}  // namespace rooflaw::app
