// What a search found, as a result file and as text.

#include "search_report.hpp"

#include <chrono>

#include <fmt/format.h>

#include "rooflaw/app/law_summary.hpp"
#include "rooflaw/app/summary.hpp"
#include "rooflaw/io/result_file.hpp"
#include "rooflaw/search/refine/refine.hpp"

namespace rooflaw::app {

std::string write_report(const io::Job& job, const search::Findings& findings, io::RunRecord run,
                         const std::string& path, const std::function<void()>& between,
                         const std::function<void()>& last_look) {
  using Clock = std::chrono::steady_clock;
  io::note_findings(findings, run);
  const search::Question& question = job.question;
  const search::Question fine = search::refined_question(question);
  std::string summary;
  std::vector<model::Law> others;
  for (const auto& law : job.opinions) others.push_back(law.value);
  std::vector<search::TargetInfo> targets;
  const auto describe_next = [&](std::size_t target) {
    const auto start = Clock::now();
    auto result = describe(findings, question, fine, job.method, target, others);
    run.seconds["describe"] += std::chrono::duration<double>(Clock::now() - start).count();
    const auto& asked = question.targets[target];
    if (question.laws.size() > 1) summary += fmt::format("\nby law {}:", result.target.law);
    summary += target_summary(result, to_string(job.method),
                              compare_models(result, job.models, law_of(question, asked),
                                             deployment_of(question, asked)));
    summary += law_summary(result);
    targets.push_back(result.target);
    between();
    return result;
  };
  io::write_result(path, job, describe_next, run, last_look);

  std::string left_out;
  for (const auto& law : question.laws) {
    if (question.laws.size() > 1) left_out += fmt::format("by law {}:\n", law.id);
    left_out += models_left_out(job.models, law);
  }
  std::vector<model::Precision> precisions;
  for (const auto& d : question.deployments) precisions.push_back(d.scenario.precision);
  std::string notes;
  for (const auto& note : job.notes) notes += "note: " + note + "\n";
  return fmt::format("{}\n{}{}{}{}{}result: {}\n", summary, left_out,
                     precision_order(question, findings.search->frontiers), notes,
                     trust_notes(targets, precisions), work_summary(question, job.method, run),
                     path);
}

}  // namespace rooflaw::app
