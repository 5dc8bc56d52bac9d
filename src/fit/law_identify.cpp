#include "rooflaw/fit/law_identify.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/powers.hpp"
#include "rooflaw/fit/law_minimum.hpp"
#include "rooflaw/core/statistics.hpp"

namespace rooflaw::fit {

namespace {

/// Of two columns that say the same, the later one yields.
constexpr std::array precedence = {Column::layers,    Column::width,     Column::activation_rate,
                                   Column::tokens,    Column::ffn_ratio, Column::kv_dim,
                                   Column::parameters};
constexpr int tried_starts = 60, tried_polished = 4;  // of a fit that only compares terms

std::size_t distinct_values(const Runs& runs, Column column) {
  std::set<double> values;
  for (const auto& run : runs.rows) values.insert(run[column]);
  return values.size();
}

struct Twins {
  Column kept, yields;
  double correlation;
};

/// Pairs of columns of these terms that vary together.
std::vector<Twins> twins_of(const Runs& runs, const std::vector<const TermForm*>& forms) {
  std::vector<Column> used;
  for (const Column c : precedence)
    for (const auto* form : forms)
      if (runs.knows(c) && varies(runs, c) && (used.empty() || used.back() != c) &&
          std::any_of(form->powers.begin(), form->powers.end(),
                      [&](const PowerForm& p) { return p.column == c; }))
        used.push_back(c);
  std::vector<Run> rows = LawProblem(runs, {}).rows();  // their order must not matter
  const auto logs = [&](Column c) {
    std::vector<double> all;
    for (const auto& run : rows) all.push_back(natural_log(run[c]));
    return all;
  };
  std::vector<Twins> twins;
  for (std::size_t i = 0; i < used.size(); ++i)
    for (std::size_t j = i + 1; j < used.size(); ++j)
      if (const double r = correlation(logs(used[i]), logs(used[j]));
          r > too_correlated || r < -too_correlated)
        twins.push_back({used[i], used[j], r});
  return twins;
}

bool has_varying_column(const Runs& runs, const TermForm& form) {
  return std::any_of(form.powers.begin(), form.powers.end(), [&](const PowerForm& p) {
    return runs.knows(p.column) && varies(runs, p.column);
  });
}

bool yields(const std::vector<Twins>& twins, Column column) {
  return std::any_of(twins.begin(), twins.end(),
                     [&](const Twins& t) { return t.yields == column; });
}

void pin(LawTerms& terms, Member member) {
  if (std::find(terms.pinned.begin(), terms.pinned.end(), member) == terms.pinned.end())
    terms.pinned.push_back(member);
}

/// Pins what these terms' columns do not tell; `notes` say why.
LawTerms with_pins(const Runs& runs, std::vector<const TermForm*> forms,
                   std::vector<std::string>& notes) {
  LawTerms terms{std::move(forms)};
  const auto twins = twins_of(runs, terms.forms);
  std::set<std::string> said;
  const auto note = [&](Member member, const std::string& why) {
    pin(terms, member);
    auto text =
        fmt::format("{} is not fitted but that of the published law: {}.", name_of(member), why);
    if (said.insert(text).second) notes.push_back(std::move(text));
  };
  for (const auto* form : terms.forms) {
    for (const auto& power : form->powers) {
      if (!runs.knows(power.column)) {
        auto text = fmt::format("The runs have no column {}: the law has no opinion on it.",
                                name_of(power.column));
        if (said.insert(text).second) notes.push_back(std::move(text));
      } else if (!varies(runs, power.column)) {
        note(power.exponent, fmt::format("{} is {:.6g} in all runs", name_of(power.column),
                                         runs.rows.front()[power.column]));
      } else if (form->powers.size() == 1 && distinct_values(runs, power.column) == 2) {
        note(power.exponent, fmt::format("{} has two values only", name_of(power.column)));
      } else {
        for (const auto& t : twins)
          if (t.yields == power.column)
            note(power.exponent, fmt::format("the logarithms of {} and {} are correlated by {:.3f}",
                                             name_of(t.kept), name_of(t.yields), t.correlation));
      }
    }
    if (!has_varying_column(runs, *form))
      note(form->coefficient, "nothing that its term depends on varies");
  }
  return terms;
}

/// Schwarz's criterion of Laplace's distribution, which Huber's function is that of but near 0.
double criterion(const Runs& runs, const std::vector<const TermForm*>& forms, std::uint64_t seed) {
  std::vector<std::string> unsaid;
  const LawProblem problem(runs, with_pins(runs, forms, unsaid));
  const Sample whole = problem.whole();
  double best = std::numeric_limits<double>::infinity();
  for (const auto& start : best_starts(problem, whole, {seed, tried_starts, tried_polished}))
    best = std::min(best, polish(problem, whole, start).objective);
  const auto n = static_cast<double>(runs.rows.size());
  constexpr double exact = 1e-12;  // below it there is no noise to compare with
  return 2 * n * natural_log(std::max(best, exact)) +
         static_cast<double>(problem.free_parameters()) * natural_log(n);
}

std::vector<const TermForm*> without(std::vector<const TermForm*> forms, std::size_t left_out) {
  forms.erase(forms.begin() + static_cast<std::ptrdiff_t>(left_out));
  return forms;
}

std::vector<const TermForm*> chosen(const Runs& runs, std::uint64_t seed,
                                    std::vector<std::string>& notes) {
  std::vector<const TermForm*> forms;
  for (const auto& form : term_forms()) {
    // The law in parameters scores, but no search may take it: only where it is asked for.
    if (form.name == "parameters" || !has_varying_column(runs, form)) continue;
    if (form.name == "sparsity" && !varies(runs, Column::activation_rate)) continue;
    forms.push_back(&form);
  }
  const auto twins = twins_of(runs, forms);
  std::erase_if(forms, [&](const TermForm* form) {
    const bool gone =
        std::all_of(form->powers.begin(), form->powers.end(), [&](const PowerForm& p) {
          return !runs.knows(p.column) || !varies(runs, p.column) || yields(twins, p.column);
        });
    if (gone)
      notes.push_back(
          fmt::format("The {} term is left out: its column varies with another one.", form->name));
    return gone;
  });
  if (forms.size() < 2) return forms;
  double kept = criterion(runs, forms, seed);
  for (;;) {
    double least = std::numeric_limits<double>::infinity();
    std::size_t which = 0;
    for (std::size_t i = 0; forms.size() > 1 && i < forms.size(); ++i)
      if (const double c = criterion(runs, without(forms, i), seed); c < least) {
        least = c;
        which = i;
      }
    if (!(least < kept)) return forms;
    notes.push_back(fmt::format(
        "The {} term is left out: the runs are as likely without it (Schwarz's criterion); "
        "--terms keeps it.",
        forms[which]->name));
    forms = without(forms, which);
    kept = least;
  }
}

}  // namespace

Identified identify(const Runs& runs, const std::vector<const TermForm*>& named,
                    std::uint64_t seed) {
  Identified all;
  for (const auto* form : named)
    if (std::none_of(form->powers.begin(), form->powers.end(),
                     [&](const PowerForm& p) { return runs.knows(p.column); }))
      throw Error(fmt::format("the runs have no column for the {} term: {}", form->name,
                              name_of(form->powers.front().column)),
                  ExitCode::bad_input);
  const auto forms = named.empty() ? chosen(runs, seed, all.notes) : named;
  if (std::none_of(forms.begin(), forms.end(),
                   [](const TermForm* form) { return form->name != "tokens"; }))
    throw Error("a law needs a term in the shape of a model, and no column of one varies",
                ExitCode::bad_input);
  all.terms = with_pins(runs, forms, all.notes);
  const LawProblem problem(runs, all.terms);
  const std::size_t parameters = problem.free_parameters();
  if (runs.rows.size() < least_runs_per_parameter * parameters)
    all.refusals.push_back(fmt::format("{} runs are too few for {} parameters: {} each are needed",
                                       runs.rows.size(), parameters, least_runs_per_parameter));
  if (problem.shape_count() < problem.shape_parameters())
    all.refusals.push_back(
        fmt::format("{} shapes (l, d, dm, r, rho) are too few for {} parameters of them",
                    problem.shape_count(), problem.shape_parameters()));
  return all;
}

}  // namespace rooflaw::fit
