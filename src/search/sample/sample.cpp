#include "rooflaw/search/sample/sample.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rooflaw/core/random.hpp"

namespace rooflaw::search {

namespace {
constexpr Index samples_per_piece = 4096;
constexpr Index samples_between = 64;
}  // namespace

DrawnPositions latin_hypercube(const Lengths& lengths, std::uint64_t seed, Index samples,
                               Index number) {
  const auto strata = static_cast<std::uint64_t>(samples);
  const auto sample = static_cast<std::uint64_t>(number);
  DrawnPositions drawn;
  for (std::size_t axis = 0; axis < axis_count; ++axis) {
    const auto stratum = static_cast<double>(permuted(seed, axis, strata, sample));
    const double within = random_unit(seed, axis_count + axis, sample);
    const std::size_t length = lengths.values[axis];
    const double position =
        (stratum + within) / static_cast<double>(samples) * static_cast<double>(length);
    drawn.positions.values[axis] = std::min(static_cast<std::size_t>(position), length - 1);
  }
  return drawn;
}

SamplePlan::SamplePlan(const Question& question, Index points)
    : question_(question), points_(points), lengths_(axis_lengths(question.space)) {}

Index SamplePlan::pieces() const { return (points_ + samples_per_piece - 1) / samples_per_piece; }

std::string SamplePlan::name(Index piece) const {
  return fmt::format("samples from number {}", piece * samples_per_piece);
}

void SamplePlan::score(Index piece, Scanner& scanner, const std::function<void()>& between) const {
  const Space& space = question_.space;
  const Index first = piece * samples_per_piece;
  for (Index n = first; n < std::min(first + samples_per_piece, points_); ++n) {
    if (n % samples_between == 0 && between) between();
    const Digits digits = latin_hypercube(lengths_, question_.seed, points_, n).as_digits();
    if (!architecture_at(space, digits)) continue;
    const Frame frame{.ffn_digit = digits[Axis::ffn], .width_digit = digits[Axis::width]};
    scanner.scan(
        {.frame = frame,
         .attention = {*attention_option(space, frame.width_digit, digits[Axis::attention])},
         .ffn = {*ffn_option(space, digits)},
         .layer_digits = {digits[Axis::layers]}});
  }
}

}  // namespace rooflaw::search
