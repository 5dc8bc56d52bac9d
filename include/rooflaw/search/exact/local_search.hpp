#pragma once
// What strategy `exact` does before its last level where it has a tolerance: a local search around
// the frontier found so far. The last level then has little more to do than to prove it: a box is
// dropped that could not gain the tolerance, and the nearer the frontier is to the true one, the
// larger the boxes are.
//
// Around a point the neighbours of its FFN block, its attention block and its depth are scored
// together, at its width and the two next to it, by steps that shrink from an eighth of an octave
// to a thirty-second. What gains on everything known is a point to go on from.
//
// A piece is a stretch of a target's frontier. It starts from the frontier before alone, not from
// what other pieces found, so that what is found depends on neither order nor ranks.

#include <functional>
#include <optional>

#include "rooflaw/search/exact/boxes.hpp"
#include "rooflaw/search/score/scan.hpp"

namespace rooflaw::search {

class LocalSearch {
 public:
  /// In a smaller space the last level by itself takes less time.
  static bool pays(const Subspace& level);
  /// Nats. What gains less need not be found for a level that is to prove this tolerance.
  static double least_gain(double tolerance);

  /// Keeps references. @param level       values that points may have, by value
  /// @param least_gain  of loss, nats; what gains less is not worth a point
  LocalSearch(const Question& question, const PowerTables& tables, Subspace level,
              const std::vector<FrontierPoints>& before, double least_gain);

  static Index pieces(const Question& question);
  std::string name(Index piece) const;
  /// `between` is called now and then, and may throw: that piece is void then.
  void score(Index piece, Scanner& scanner, const std::function<void()>& between);

 private:
  /// What a width has of the level.
  struct OfWidth {
    BuiltRatios ratios;
    std::vector<AttentionOption> attention;  // by place
    std::vector<std::size_t> attention_places;
  };
  const OfWidth& of_width(std::size_t place);

  void expand(std::size_t target, Index index, double octaves);
  std::optional<std::size_t> moved(Axis axis, std::size_t place, double octaves) const;
  void set_ffn_options(const Frame& frame, const OfWidth& width, const Digits& centre,
                       double octaves);
  std::vector<std::size_t> layers_near(std::size_t place, double octaves) const;
  std::size_t place_of(Axis axis, const Digits& digits) const {
    return places_[axis][digits[axis]];
  }

  const Question& question_;
  const PowerTables& tables_;
  Subspace level_;
  Strides strides_;
  PerAxis<std::vector<std::size_t>, struct PlacesInLevel> places_;  // by digit
  std::vector<bool> routings_;  // by digit of experts, of top_k: those that the space has
  const std::vector<FrontierPoints>& before_;
  double least_gain_;
  Scanner scanner_;
  std::vector<std::optional<OfWidth>> widths_;  // by place
  std::vector<FfnOption> options_;
  FfnParts parts_;
};

}  // namespace rooflaw::search
