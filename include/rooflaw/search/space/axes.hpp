#pragma once
// The home of the axes: one entry each with all that is particular to it. What reads a space, walks
// it, draws from it, refines it, predicts over it or documents it is a loop over this table. A new
// axis is a member of Space, a name in Axis and an entry in axes.cpp; where the model takes a power
// of it, a table in score/; where it widens the box of the closed forms, a line in analysis.cpp.

#include <string_view>
#include <utility>
#include <variant>

#include "rooflaw/search/space/space.hpp"

namespace rooflaw::search {

/// Which part of a point an axis belongs to; see options.hpp. FFN kind and width are the frame.
enum class AxisBlock { frame, attention, ffn, depth };

/// The member of Space with the axis's values.
using AxisValues =
    std::variant<std::vector<std::int64_t> Space::*, std::vector<double> Space::*,
                 std::vector<model::FfnKind> Space::*, std::vector<AttentionChoice> Space::*>;

/// Values are ordered by group, then number. Kinds are groups; most axes have but one.
struct AxisKey {
  int group = 0;
  double number = 0;
  auto operator<=>(const AxisKey&) const = default;
};

/// What lies between two ends and can be built: multiples of unit / per.
struct AxisStep {
  std::int64_t unit = 1;
  std::int64_t per = 1;
  double size() const { return static_cast<double>(unit) / static_cast<double>(per); }
};

using AxisFeature = double (*)(const model::Architecture&);

struct AxisHome {
  // A row of the table in jobs/README.md: key in [space], default where not required, meaning.
  std::string_view key;
  std::string_view default_text{};
  std::string_view meaning;
  AxisBlock block{};
  AxisValues values;

  // Axes of numbers, read from lists and ranges of these; a key that is not required has a default
  // in Space.
  bool required = false;
  double least = 0;
  bool least_included = true;
  double most = 0;
  AxisStep (*step)(const Space&) = nullptr;

  // How a value enters an architecture whose earlier axes are set.
  void (*enter)(const Space&, std::size_t digit, model::Architecture&) = nullptr;
  AxisKey (*key_of)(const Space&, std::size_t digit) = nullptr;
  // The other way: between which keys the value of an architecture is; a list of ends.
  std::vector<std::pair<AxisKey, AxisKey>> (*keys_of)(const Space&,
                                                      const model::Architecture&) = nullptr;

  // Whether the space can use the value at all, as far as it alone can say.
  bool (*usable)(const Space&, std::size_t digit) = [](const Space&, std::size_t) { return true; };
  // Whether the value by itself lies where the law was fitted; nullptr: as far as it alone can say.
  bool (*in_range)(const model::LawRange&, const Space&, std::size_t digit) = nullptr;
  // What of the law it moves.
  model::LawVariable law_variable{};

  // For predictions over architectures: smooth in what loss and latency depend on.
  std::array<AxisFeature, 3> features{};

  // Refine: adds to `fine` what lies between the values of `space`, at most about `most`.
  void (*fill_in)(const AxisHome& home, const Space& space, std::int64_t most,
                  Space& fine) = nullptr;

  // Strategy exact. Along a monotone axis of block ffn time, memory and activations do not fall and
  // the loss does not rise. Its levels use about so many values (0: all) of an axis.
  bool monotone = false;
  std::size_t coarse = 0, medium = 0;
};

const AxisHome& home_of(Axis axis);

/// The features of all axes, in their order.
std::vector<AxisFeature> features_of_axes();

/// The number of a value of an axis of numbers.
double number_at(const Space& space, Axis axis, std::size_t digit);
/// All of them.
std::vector<double> numbers_of(const Space& space, Axis axis);

/// Every size from lo to hi that can be built. Of whole numbers, the multiples of step.unit:
std::vector<std::int64_t> sizes_between(std::int64_t lo, std::int64_t hi, const AxisStep& step);
/// else both ends too; FFN ratios of a unit by the largest width give every FFN of whole units at
/// any width.
std::vector<double> sizes_between(double lo, double hi, const AxisStep& step);

}  // namespace rooflaw::search
