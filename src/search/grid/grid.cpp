#include "rooflaw/search/grid/grid.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace rooflaw::search {

namespace {
// FFN blocks of a piece: enough to fill the lanes, few enough for the first-level cache.
constexpr std::size_t options_per_piece = 512;
}  // namespace

GridPlan::GridPlan(const Question& question)
    : question_(question),
      frames_(frames_of(question.space)),
      options_(question.space),
      layer_digits_(digits_within(question.space, Axis::layers)),
      pieces_per_frame_(
          static_cast<Index>((options_.size() + options_per_piece - 1) / options_per_piece)),
      architectures_(valid_count(question.space)) {}

std::string GridPlan::name(Index piece) const {
  const Frame& frame = frames_[static_cast<std::size_t>(piece / pieces_per_frame_)];
  return fmt::format("{} FFN, width {}", to_string(question_.space.ffn[frame.ffn_digit]),
                     question_.space.widths[frame.width_digit]);
}

Block GridPlan::block_of(const Frame& frame) const {
  return {.frame = frame,
          .attention = attention_options(question_.space, frame.width_digit),
          .ffn = {},
          .layer_digits = layer_digits_};
}

void GridPlan::look_around(Scanner& scanner) const {
  constexpr std::size_t most_frames = 16, most_ffn = 48, most_layers = 12;
  const auto step = [](std::size_t size, std::size_t most) {
    return std::max<std::size_t>(1, (size + most - 1) / most);
  };
  const std::int64_t counted = scanner.pairs_scored();
  const std::size_t kinds = digits_within(question_.space, Axis::ffn).size();
  for (std::size_t f = 0; f < frames_.size(); f += step(frames_.size(), most_frames * kinds)) {
    Block block = block_of(frames_[f]);
    block.layer_digits.clear();
    for (std::size_t l = 0; l < layer_digits_.size(); l += step(layer_digits_.size(), most_layers))
      block.layer_digits.push_back(layer_digits_[l]);
    for (std::size_t n = 0; n < options_.size(); n += step(options_.size(), most_ffn))
      if (const auto option = options_.at(block.frame, n)) block.ffn.push_back(*option);
    scanner.scan(block);
  }
  scanner.count_from(counted);
}

void GridPlan::score(Index piece, Scanner& scanner, const std::function<void()>& between_rows) const {
  Block block = block_of(frames_[static_cast<std::size_t>(piece / pieces_per_frame_)]);
  const std::size_t first = static_cast<std::size_t>(piece % pieces_per_frame_) * options_per_piece;
  const std::size_t last = std::min(first + options_per_piece, options_.size());
  for (std::size_t n = first; n < last; ++n)
    if (const auto option = options_.at(block.frame, n)) block.ffn.push_back(*option);
  scanner.scan(block, between_rows);
}

}  // namespace rooflaw::search
