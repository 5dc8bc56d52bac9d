#pragma once
// What a study found for one target, with all that a reader needs: it is written, read back,
// summed up and compared in this form, one target at a time, since a large result has hundreds of
// thousands of rows.

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rooflaw/model/intensity.hpp"
#include "rooflaw/search/findings.hpp"
#include "rooflaw/search/method.hpp"
#include "rooflaw/search/opinion.hpp"
#include "rooflaw/search/question.hpp"
#include "rooflaw/search/row.hpp"
#include "rooflaw/theory/sensitivity.hpp"

namespace rooflaw::search {

/// The frontier of a target as rows. Its latencies and losses are those of model::evaluate, bit for
/// bit. @throws Error if they are not: the search and the model would disagree.
std::vector<Row> rows_of(const Question& question, const Target& target,
                         std::span<const FrontierPoint> frontier);

/// A point of the space as a target sees it. Cost: some microseconds. @throws Error if the index is
/// that of no architecture
Row row_at(const Question& question, const Target& target, Index index);

/// What a target is.
struct TargetInfo {
  std::string id{}, law{};
  std::string device{}, precision{}, workload{};
  model::Objective objective{};
  std::string objective_unit{};
  double memory_budget_bytes = 0;
  bool calibrated = false;  // against speeds measured on the device
  model::Basis efficiency{};
  std::string engine{};  // that efficiencies were measured with; empty of the ideal roofline
  model::ComputeType attention_type{};
  std::string device_confidence{};
  bool operator==(const TargetInfo&) const = default;
};
TargetInfo info_of(const Question& question, const Target& target);

/// Points between those of the space that improve on a frontier.
struct Improvements {
  std::vector<Row> rows;
  double hypervolume_gain = 0;  // share of the frontier's
};

/// The frontier of the points in the law's range, where the other one is not bound to it. That one
/// less its points outside is another: it lacks what they dominate.
struct InRange {
  std::vector<Row> rows{};
  double hypervolume = 0;
  HypervolumeReference reference{};
  bool certified = true;  // by strategy exact
  double loss_gap_bound = 0;
};

/// What the resamples of a law say at a point of its frontier: nine of ten best losses within its
/// objective lie between (NaN where that is not kept), and in how many of them it is on the
/// frontier.
struct ResampleRow {
  double objective = 0;
  double loss_low = 0, loss_high = 0;
  double occurrence = 0;
};
struct Resamples {
  std::vector<ResampleRow> rows;
  std::int64_t count = 0;
};

struct TargetResult {
  TargetInfo target{};
  std::vector<Row> rows{};                                   // the frontier, sorted by latency
  std::vector<theory::Sensitivity> sensitivity{};            // an entry a row
  std::vector<TheoryRow> theory{};                           // an entry a row
  std::optional<std::vector<model::Intensity>> intensity{};  // an entry a row; of the first law
  std::optional<Improvements> refined{};                     // none: the stage was off
  std::optional<InRange> in_range{};                         // none: the law states no range, ...
  std::optional<Resamples> resamples{};  // none: the law has none, or the method proves nothing
  std::optional<Opinions> opinions{};    // of the first law, if there is another
  double hypervolume = 0;
  HypervolumeReference reference{};
  bool certified = false;                     // proven to be the whole frontier of the space
  double loss_gap_bound = 0;                  // nats; NaN where nothing is proven
  std::optional<double> hypervolume_share{};  // of the true frontier's, where known
};

/// The frontier of a target in its law's range; null where there is none apart.
const FrontierPoints* in_range_points(const Findings& findings, const Question& question,
                                      std::size_t target);

/// What was found for one target, its tables a run of rows at a time: whole, those of a large
/// result take a kilobyte a point.
class Description {
 public:
  /// `others` are laws that only score; `fine` is the refined_question of `question`, the findings
  /// those of a finished study. All of them must outlive this. Cost: a microsecond a point and law.
  Description(const Findings& findings, const Question& question, const Question& fine,
              const Method& method, std::size_t target, const std::vector<model::Law>& others = {});

  std::size_t rows() const { return points_.size(); }
  std::size_t rows_in_range() const { return in_range_.size(); }
  /// Of the longer of the two.
  std::size_t size() const { return std::max(rows(), rows_in_range()); }
  /// The result with `count` rows from `first` on, or as many as there are, in each table that has
  /// a row a point; refined points come with the first of them. Cost: some microseconds a row.
  /// @throws Error, as rows_of
  TargetResult part(std::size_t first, std::size_t count) const;

 private:
  const Question& question_;
  const Target& target_;
  std::span<const FrontierPoint> points_, in_range_;
  std::span<const TheoryRow> theory_;
  const ResampleBand* band_ = nullptr;                 // null: no resamples
  std::vector<std::vector<OpinionRow>> opinion_rows_;  // by law
  std::optional<Improvements> refined_;
  TargetResult beside_;  // all else
};

}  // namespace rooflaw::search
