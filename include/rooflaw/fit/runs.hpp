#pragma once
// Finished training runs: what the loss law is fitted to.

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace rooflaw::fit {

/// What the law may depend on, by column of a table of runs.
enum class Column { layers, width, kv_dim, ffn_ratio, activation_rate, tokens, parameters };
inline constexpr std::size_t column_count = 7;
inline constexpr std::array<std::string_view, column_count> column_names = {
    "l", "d", "dm", "r", "rho", "tokens", "params_total"};
/// The first so many are the shape of a model; the tokens are none of it, nor is a sum over it.
inline constexpr std::size_t shape_columns = 5;
constexpr std::string_view name_of(Column c) { return column_names[static_cast<std::size_t>(c)]; }

struct Run {
  unsigned line = 0;                          // in its file
  std::array<double, column_count> values{};  // > 0; 1 where the table has no such column
  double loss = 0;                            // nats per token, > 0
  double weight = 1;                          // > 0
  std::string group;                          // a corpus or batch size with an offset of its own
  double operator[](Column c) const { return values[static_cast<std::size_t>(c)]; }
};

struct Runs {
  std::array<bool, column_count> has{};  // columns that the table has
  std::vector<Run> rows;
  std::vector<std::string> ignored;  // other columns of the table
  bool knows(Column c) const { return has[static_cast<std::size_t>(c)]; }
};

/// Have the runs several values in it?
bool varies(const Runs& runs, Column column);

/// The runs of lowest loss, at most `count`: equal ones stay or go together, so that it does not
/// matter in which order they stand.
void keep_lowest(Runs& runs, std::size_t count);

}  // namespace rooflaw::fit
