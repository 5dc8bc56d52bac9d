#include "rooflaw/cluster/study.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "phase.hpp"
#include "rooflaw/search/refine/refine.hpp"
#include "rooflaw/search/resample/resample.hpp"
#include "rooflaw/search/state.hpp"

namespace rooflaw::cluster {

namespace {

using search::Findings;

std::string in_range_phase(std::size_t law) { return fmt::format("in_range_{}", law); }

/// Boxes are bounded law by law, so that memory does not grow with the laws; what scores points
/// scores them under all laws at once.
bool goes_by_law(const search::Method& method, const search::Question& question) {
  return std::holds_alternative<search::Exact>(method) && question.laws.size() > 1;
}
std::string part_name(std::string_view phase, std::size_t law) {
  return fmt::format("{}_{}", phase, law);
}

/// The parts of a phase, by law, as one.
search::Outcome joined(const search::Question& question, std::vector<search::Outcome> parts) {
  search::Outcome whole;
  whole.complete = true;
  std::vector<std::size_t> next(parts.size(), 0);
  for (const auto& target : question.targets)
    whole.frontiers.push_back(std::move(parts[target.law].frontiers[next[target.law]++]));
  for (const auto& part : parts) {
    whole.pairs_scored += part.pairs_scored;
    whole.serving += part.serving;
  }
  return whole;
}

bool has_resamples(const Study& study) {
  const auto& laws = study.question.laws;
  return study.resamples > 0 && search::proven_gap(study.method) &&
         std::any_of(laws.begin(), laws.end(),
                     [](const model::Law& law) { return !law.resamples.empty(); });
}

class StudyRun : private Phases<Findings> {
 public:
  StudyRun(const Study& study, Communicator& ranks, Watch& watch, Kept<Findings> kept,
           const StudyHooks& hooks)
      : Phases(ranks, watch, std::move(kept), hooks), study_(study) {}

  Findings run() {
    const auto& question = study_.question;
    find("search", study_.method, findings_.search);
    find_in_range();
    if (has_resamples(study_)) share_frontiers();
    const auto& frontiers = findings_.search->frontiers;
    if (study_.refine.enabled)
      do_phase("refine", findings_.refined, [&](Phase& phase) {
        return refine_phase(question, study_.refine, frontiers, phase);
      });
    if (study_.certify && !findings_.whole) {
      std::optional<search::Outcome> whole;
      find("certify", search::Exact{}, whole);
      findings_.whole = std::move(whole->frontiers);
    }
    if (has_resamples(study_))
      do_phase("resamples", findings_.resamples, [&](Phase& phase) {
        return resample_phase(question, study_.resamples, frontiers, phase);
      });
    do_phase("theory", findings_.theory,
             [&](Phase& phase) { return theory_phase(question, frontiers, phase); });
    return std::move(findings_);
  }

 private:
  void find(std::string_view name, const search::Method& method,
            std::optional<search::Outcome>& result) {
    const auto& question = study_.question;
    if (!goes_by_law(method, question))
      return do_phase(name, result, [&](Phase& phase) {
        return method_phase(method_under(method, question.laws.front()), question, phase);
      });
    if (result) return;
    std::vector<search::Outcome> parts;
    for (std::size_t law = 0; law < question.laws.size(); ++law) {
      const std::string part = part_name(name, law);
      std::optional<search::Outcome> found;
      if (const auto known = findings_.parts.find(part); known != findings_.parts.end())
        found = known->second;
      do_phase(part, found, [&](Phase& phase) {
        return method_phase(method_under(method, question.laws[law]), of_law(question, law), phase);
      });
      findings_.parts[part] = *found;
      parts.push_back(std::move(*found));
    }
    double seconds = 0;
    for (std::size_t law = 0; law < question.laws.size(); ++law) {
      seconds += findings_.seconds[part_name(name, law)];
      findings_.parts.erase(part_name(name, law));
    }
    findings_.seconds[std::string(name)] = seconds;
    if (ranks_.is_root())
      result = joined(question, std::move(parts));
    else
      result.emplace();
  }

  /// What lies in the law's range has a frontier of its own, proven where the whole one is.
  void find_in_range() {
    if (!search::proven_gap(study_.method)) return;
    for (std::size_t law = 0; law < study_.question.laws.size(); ++law) {
      const auto question = question_in_range(study_.question, law);
      if (!question || findings_.in_range.contains(law)) continue;
      std::optional<std::vector<search::FrontierPoints>> found;
      do_phase(in_range_phase(law), found, [&](Phase& phase) {
        return method_phase(method_under(search::Exact{}, question->laws.front()), *question, phase)
            .frontiers;
      });
      findings_.in_range[law] = std::move(*found);
    }
  }

  /// One by one: a copy of them all would be the most that a rank ever holds. A resample is a
  /// search that all of them prune.
  void share_frontiers() {
    auto& frontiers = findings_.search->frontiers;
    frontiers.resize(study_.question.targets.size());
    try {
      for (auto& frontier : frontiers) share(frontier, ranks_, watch_);
    } catch (const RunEnds&) {
      // A phase that was kept is the next one's, and as good as what it had.
      if (ranks_.is_root())
        hooks_.keep(
            packed(Kept<Findings>{findings_, std::move(kept_.phase), std::move(kept_.of_phase)}));
      throw;
    }
  }

  const Study& study_;
};

/// Is the phase at hand one by which `method` finds what is called `name`? If so it is checked.
bool check_found(std::string_view name, const search::Method& method, const Study& study,
                 const Kept<Findings>& kept) {
  const auto& question = study.question;
  if (!goes_by_law(method, question)) {
    if (kept.phase != name) return false;
    check_method(method_under(method, question.laws.front()), question, kept.of_phase);
    return true;
  }
  for (std::size_t law = 0; law < question.laws.size(); ++law) {
    if (kept.phase != part_name(name, law)) continue;
    check_method(method_under(method, question.laws[law]), of_law(question, law), kept.of_phase);
    return true;
  }
  return false;
}

void check_phase(const Study& study, const Kept<Findings>& kept) {
  const auto& question = study.question;
  if (check_found("search", study.method, study, kept) ||
      check_found("certify", search::Exact{}, study, kept))
    return;
  if (kept.phase == "refine") return check_refine(question, kept.of_phase);
  for (std::size_t law = 0; law < question.laws.size(); ++law)
    if (const auto in_range = question_in_range(question, law);
        in_range && kept.phase == in_range_phase(law))
      return check_method(method_under(search::Exact{}, question.laws[law]), *in_range,
                          kept.of_phase);
  search::require_fit(kept.findings.search.has_value());
  if (kept.phase == "resamples" && has_resamples(study))
    return check_resamples(question, study.resamples, kept.findings.search->frontiers,
                           kept.of_phase);
  search::require_fit(kept.phase == "theory");
  check_theory(question, kept.findings.search->frontiers, kept.of_phase);
}

}  // namespace

void check_kept(const Study& study, const Bytes& bytes) {
  const auto kept = unpacked<Kept<Findings>>(bytes);
  const Findings& found = kept.findings;
  const auto& question = study.question;
  if (found.search) search::require_frontiers(found.search->frontiers, question);
  if (found.refined)
    search::require_frontiers(found.refined->improvements, search::refined_question(question));
  if (found.whole) search::require_frontiers(*found.whole, question);
  for (const auto& [law, frontiers] : found.in_range) {
    search::require_fit(law < question.laws.size());
    const auto in_range = question_in_range(question, law);
    search::require_fit(in_range.has_value());
    search::require_frontiers(frontiers, *in_range);
  }
  for (const auto& [name, part] : found.parts) {
    bool known = false;
    for (std::size_t law = 0; law < question.laws.size(); ++law)
      if (name == part_name("search", law) || name == part_name("certify", law)) {
        search::require_frontiers(part.frontiers, of_law(question, law));
        known = true;
      }
    search::require_fit(known);
  }
  if (found.resamples) {
    search::require_fit(found.search && has_resamples(study));
    search::require_bands(*found.resamples, found.search->frontiers);
  }
  if (found.theory) {
    search::require_fit(found.search && found.theory->size() == question.targets.size());
    for (std::size_t t = 0; t < question.targets.size(); ++t)
      search::require_theory((*found.theory)[t], found.search->frontiers[t]);
  }
  for (const auto& [phase, is_done] : {std::pair{"search", found.search.has_value()},
                                       std::pair{"refine", found.refined.has_value()}})
    search::require_fit(!is_done || found.seconds.contains(phase));
  if (!kept.phase.empty() && !kept.of_phase.empty()) check_phase(study, kept);
}

Bytes as_kept(const Findings& findings) { return packed(Kept<Findings>{findings, "", {}}); }

Findings run_study(const Study& study, Communicator& ranks, Watch& watch, const Bytes& kept,
                   const StudyHooks& hooks) {
  return StudyRun(study, ranks, watch, kept_or_nothing<Findings>(kept), hooks).run();
}

}  // namespace rooflaw::cluster
