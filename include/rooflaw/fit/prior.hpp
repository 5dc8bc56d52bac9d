#pragma once
// What is known of the efficiencies of a chip before it is measured: those of its likes.
//
// The unknowns of a chip under an engine are logarithms of efficiencies and overheads. Their prior
// is normal. Means are those of other chips: of the same engine, format of weights and kind of
// chip, drawn to those of ever wider classes. Bandwidth and compute efficiency are unknowns of each
// format, since unpacking weights costs each its own; what formats of one chip have in common is
// most of the spread, so that a format that is not measured follows those that are.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include "rooflaw/model/precision.hpp"

namespace rooflaw::fit {

/// Bits of the FFN's weights, which are most of a model: 12 and more, from 6.2, from 3.5, fewer.
enum class Width { bits16, bits8, bits4, bits2 };
inline constexpr std::size_t width_count = 4;
Width width_of(const model::Precision& precision);

enum class Kind {
  bandwidth,
  compute,
  kv_bandwidth,
  attention,
  state,
  layer_overhead,
  pass_overhead
};
inline constexpr std::size_t kind_count = 7;
std::string_view to_string(Kind kind);
/// Does each format of weights have one of its own?
constexpr bool by_format(Kind kind) { return kind == Kind::bandwidth || kind == Kind::compute; }

/// Logarithm of an efficiency, or of seconds.
struct Unknown {
  Kind kind{};
  std::string format{};  // id of the precision; empty unless by_format
  Width width{};         // the same
};

/// Classes of chip and engine, from the narrowest to the widest.
using Family = std::array<std::string, 3>;
/// @param unit  what of the chip runs the model: gpu, cpu, npu
Family family_of(std::string_view engine, std::string_view unit, std::string_view device_kind);

struct Prior {
  std::vector<Unknown> unknowns;
  Eigen::VectorXd mean;
  Eigen::MatrixXd precision;  // inverse of the covariance

  /// Half the squared distance from the mean, in units of the spread.
  double penalty(const Eigen::VectorXd& at) const;
  Eigen::VectorXd penalty_gradient(const Eigen::VectorXd& at) const;
};

/// What the fit to a chip says of an unknown that its own speeds depend on.
struct Evidence {
  std::string device;
  Family family;
  Unknown unknown;
  double value = 0;
};

/// @param without  device whose evidence does not count: the one in question
/// Cost: proportional to unknowns x evidence.
Prior prior_of(std::vector<Unknown> unknowns, const Family& family,
               const std::vector<Evidence>& evidence, const std::string& without);

}  // namespace rooflaw::fit
