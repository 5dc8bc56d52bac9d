#include "rooflaw/search/sample/sample.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rooflaw/search/random.hpp"

namespace rooflaw::search {

namespace {
constexpr Index samples_per_piece = 4096;
}

SamplePlan::SamplePlan(const Question& question, Index points)
    : question_(question), points_(points), routings_(expert_options(question.space)) {}

Index SamplePlan::pieces() const { return (points_ + samples_per_piece - 1) / samples_per_piece; }

std::string SamplePlan::name(Index piece) const {
  return fmt::format("samples from number {}", piece * samples_per_piece);
}

void SamplePlan::score(Index piece, Scanner& scanner, const std::function<void()>& between) const {
  const Index first = piece * samples_per_piece;
  for (Index n = first; n < std::min(first + samples_per_piece, points_); ++n) {
    score_sample(n, scanner);
    if (between && n % 64 == 0) between();
  }
}

void SamplePlan::score_sample(Index number, Scanner& scanner) const {
  const Space& space = question_.space;
  const auto digit = [](const Digits& digits, Axis axis) {
    return digits[static_cast<std::size_t>(axis)];
  };
  const Digits digits = latin_hypercube(space, question_.seed, points_, number);
  if (!architecture_at(space, digits)) return;
  Block block{.ffn_digit = digit(digits, Axis::ffn),
              .width_digit = digit(digits, Axis::width),
              .attention = attention_options(space, digit(digits, Axis::width)),
              .ffn = {},
              .layer_digits = {digit(digits, Axis::layers)}};
  std::erase_if(block.attention, [&](const AttentionOption& o) {
    return o.kind_digit != digit(digits, Axis::attention) || o.kv_digit != digit(digits, Axis::kv);
  });
  const auto routing = std::find_if(routings_.begin(), routings_.end(), [&](const ExpertOption& o) {
    return o.experts_digit == digit(digits, Axis::experts) &&
           o.top_k_digit == digit(digits, Axis::top_k);
  });
  const std::size_t option =
      (digit(digits, Axis::ratio) * space.shared_ffn.size() + digit(digits, Axis::shared)) *
          routings_.size() +
      static_cast<std::size_t>(routing - routings_.begin());
  block.ffn.push_back(*ffn_option(space, routings_, block.width_digit, option));
  drop_extrapolated(question_, block);
  scanner.scan(block);
}

Digits latin_hypercube(const Space& space, std::uint64_t seed, Index samples, Index number) {
  const Digits lengths = axis_lengths(space);
  const auto strata = static_cast<std::uint64_t>(samples);
  Digits digits{};
  for (std::size_t axis = 0; axis < axis_count; ++axis) {
    const auto sample = static_cast<std::uint64_t>(number);
    const auto stratum = static_cast<double>(permuted(seed, axis, strata, sample));
    const double within = random_unit(seed, axis_count + axis, sample);
    const auto length = static_cast<double>(lengths[axis]);
    const double place = (stratum + within) / static_cast<double>(samples) * length;
    digits[axis] = std::min(static_cast<std::size_t>(place), lengths[axis] - 1);
  }
  return digits;
}

}  // namespace rooflaw::search
