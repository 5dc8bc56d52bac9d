#pragma once
// The parts of `rooflaw advise`: question from the command line, answer, reports.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>

#include "rooflaw/model/evaluation.hpp"
#include "rooflaw/theory/buildable.hpp"
#include "rooflaw/theory/closed_forms.hpp"

namespace rooflaw::app {

extern const char* const advise_usage;

/// Everything the question fixes.
struct Question {
  model::Law law;
  model::Scenario scenario;
  model::Limits limits;
  model::Limits of_workload;  // among them
  theory::ShapeBox box;
  bool width_given = false;
  std::optional<double> target_loss;
  bool regimes = false;
};

/// What a chip is made of, as far as budgets are concerned.
enum class Part { bandwidth, compute, memory };
inline constexpr std::array all_parts = {Part::bandwidth, Part::compute, Part::memory};
std::string_view to_string(Part part);
/// How much of it the question has: bytes/s, FLOP/s at the precision, bytes of the memory budget;
/// empty if the memory is not limited.
std::optional<double> amount_of(const Question& q, Part part);
/// The question on a chip with `factor` times as much of it.
Question with_more(Question q, Part part, double factor);

/// What the closed forms say; not what to build.
struct Continuous {
  theory::XiModel xi;
  theory::Budgets budgets;
  std::optional<theory::Optimum> optimum;
  double width = 0;  // of the cases: that of the optimum, else the least of the box
  theory::ClosedForms cases;
  std::string unsolved;  // why something is missing
};

/// What 10 % more of a part buys, by the operator model: the lattice searched again.
struct SearchedWorth {
  Part part{};
  std::optional<double> loss;   // then; empty if still nothing meets the budgets
  double closed_form_gain = 0;  // nats, by the closed forms' price
  double gain(double before) const { return loss ? before - *loss : 0.0; }
};
inline constexpr double more = 1.1;

/// What would reach a loss, all else as it is.
struct Reach {
  Part part{};
  double factor = 0;                   // least that reaches it, to 1e-6 of it; 0 if any amount does
  std::optional<theory::Built> built;  // there; empty if no amount reaches the loss
};

/// What binds where compute and bandwidth are multiples of the chip's: budgets without which a
/// lower loss could be reached.
struct RegimeMap {
  static constexpr std::array<double, 5> multiples = {0.25, 0.5, 1, 2, 4};
  struct Cell {
    std::optional<theory::Built> built;  // empty: nothing meets the budgets
    std::vector<std::string_view> binding;
  };
  std::array<std::array<Cell, multiples.size()>, multiples.size()> cells;  // [compute][bandwidth]
};

struct Answer {
  Continuous continuous;
  std::optional<theory::Built> built;
  std::string shortfall;                  // why not
  std::vector<std::string_view> binding;  // of what is built
  std::optional<theory::Built> in_range;  // the best there
  std::vector<SearchedWorth> worths;
  std::vector<Reach> reaches;        // with a target loss,
  std::optional<double> least_loss;  // and what the box has without any limit
  std::optional<RegimeMap> regimes;
};

/// Cost: some milliseconds a cell and budget.
RegimeMap regime_map(const theory::BuildingLattice& lattice, const Question& q);

/// @throws DomainError for a box that holds nothing to build
Answer answer(const Question& q);

boost::program_options::options_description advise_options();

/// @throws InputError for a bad option; what the tables and theory throw for the rest
Question read_question(const boost::program_options::variables_map& values);

/// What arXiv:2602.10377 prints in the place of ours, where it differs.
nlohmann::json published_json(const Continuous& c);
nlohmann::json to_json(const Question& q, const Answer& a, bool published);
void print_continuous(const Question& q, const Continuous& c, bool published);
void print_text(const Question& q, const Answer& a, bool published);

}  // namespace rooflaw::app
