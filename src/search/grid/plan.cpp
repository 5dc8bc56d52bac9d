#include "rooflaw/search/grid/plan.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "rooflaw/search/random.hpp"

namespace rooflaw::search {

namespace {
// FFN blocks of a grid piece: enough to fill the lanes, few enough for the first-level cache.
constexpr Index ffn_options_per_piece = 512;
constexpr Index samples_per_piece = 4096;

Index pieces_for(Index count, Index per_piece) { return (count + per_piece - 1) / per_piece; }
}  // namespace

Plan::Plan(const Question& question)
    : question_(question), routings_(expert_options(question.space)) {
  if (question.strategy == Strategy::sample) {
    architectures_ = question.max_evaluations;
    pieces_ = pieces_for(architectures_, samples_per_piece);
    return;
  }
  architectures_ = valid_count(question.space);
  const auto blocks = static_cast<Index>(question.space.ffn.size() * question.space.widths.size());
  const auto options = static_cast<Index>(ffn_option_count(question.space, routings_));
  pieces_ = blocks * pieces_for(options, ffn_options_per_piece);
}

std::string Plan::name(Index piece) const {
  if (question_.strategy == Strategy::sample)
    return fmt::format("samples from number {}", piece * samples_per_piece);
  const auto options = static_cast<Index>(ffn_option_count(question_.space, routings_));
  const auto block = static_cast<std::size_t>(piece / pieces_for(options, ffn_options_per_piece));
  const auto widths = question_.space.widths.size();
  return fmt::format("{} FFN, width {}", to_string(question_.space.ffn[block / widths]),
                     question_.space.widths[block % widths]);
}

void Plan::score(Index piece, Scanner& scanner, const std::function<void()>& between_rows) const {
  if (question_.strategy == Strategy::sample)
    score_sample(piece, scanner);
  else
    score_grid(piece, scanner, between_rows);
}

Block Plan::grid_block(std::size_t ffn_digit, std::size_t width_digit) const {
  Block block{.ffn_digit = ffn_digit,
              .width_digit = width_digit,
              .attention = attention_options(question_.space, width_digit),
              .ffn = {},
              .layer_digits = std::vector<std::size_t>(question_.space.layers.size())};
  std::iota(block.layer_digits.begin(), block.layer_digits.end(), std::size_t{0});
  return block;
}

void Plan::look_around(Scanner& scanner) const {
  if (question_.strategy == Strategy::sample) return;
  constexpr std::size_t most_widths = 16, most_ffn = 48, most_layers = 12;
  const auto step = [](std::size_t size, std::size_t most) { return (size + most - 1) / most; };
  const Space& space = question_.space;
  const std::size_t options = ffn_option_count(space, routings_);
  const std::int64_t counted = scanner.pairs_scored();
  for (std::size_t kind = 0; kind < space.ffn.size(); ++kind)
    for (std::size_t w = 0; w < space.widths.size(); w += step(space.widths.size(), most_widths)) {
      Block block = grid_block(kind, w);
      const std::size_t every = step(space.layers.size(), most_layers);
      std::erase_if(block.layer_digits, [&](std::size_t digit) { return digit % every != 0; });
      for (std::size_t n = 0; n < options; n += step(options, most_ffn))
        if (const auto option = ffn_option(space, routings_, w, n)) block.ffn.push_back(*option);
      drop_extrapolated(question_, block);
      scanner.scan(block);
    }
  scanner.count_from(counted);
}

void Plan::score_grid(Index piece, Scanner& scanner,
                      const std::function<void()>& between_rows) const {
  const Space& space = question_.space;
  const auto options = static_cast<Index>(ffn_option_count(space, routings_));
  const Index runs = pieces_for(options, ffn_options_per_piece);
  const Index first = piece % runs * ffn_options_per_piece;
  const auto block_number = static_cast<std::size_t>(piece / runs);

  Block block = grid_block(block_number / space.widths.size(), block_number % space.widths.size());
  for (Index n = first; n < std::min(first + ffn_options_per_piece, options); ++n)
    if (const auto option =
            ffn_option(space, routings_, block.width_digit, static_cast<std::size_t>(n)))
      block.ffn.push_back(*option);
  drop_extrapolated(question_, block);
  scanner.scan(block, between_rows);
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

void Plan::score_sample(Index piece, Scanner& scanner) const {
  const Space& space = question_.space;
  const auto digit = [](const Digits& digits, Axis axis) {
    return digits[static_cast<std::size_t>(axis)];
  };
  const Index first = piece * samples_per_piece;
  for (Index n = first; n < std::min(first + samples_per_piece, question_.max_evaluations); ++n) {
    const Digits digits = latin_hypercube(space, question_.seed, question_.max_evaluations, n);
    if (!architecture_at(space, digits)) continue;
    Block block{.ffn_digit = digit(digits, Axis::ffn),
                .width_digit = digit(digits, Axis::width),
                .attention = attention_options(space, digit(digits, Axis::width)),
                .ffn = {},
                .layer_digits = {digit(digits, Axis::layers)}};
    std::erase_if(block.attention, [&](const AttentionOption& o) {
      return o.kind_digit != digit(digits, Axis::attention) ||
             o.kv_digit != digit(digits, Axis::kv);
    });
    const auto routing =
        std::find_if(routings_.begin(), routings_.end(), [&](const ExpertOption& o) {
          return o.experts_digit == digit(digits, Axis::experts) &&
                 o.top_k_digit == digit(digits, Axis::top_k);
        });
    const std::size_t number =
        (digit(digits, Axis::ratio) * space.shared_ffn.size() + digit(digits, Axis::shared)) *
            routings_.size() +
        static_cast<std::size_t>(routing - routings_.begin());
    block.ffn.push_back(*ffn_option(space, routings_, block.width_digit, number));
    drop_extrapolated(question_, block);
    scanner.scan(block);
  }
}

}  // namespace rooflaw::search
