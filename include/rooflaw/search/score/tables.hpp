#pragma once
// Tables of everything in the model that is a power: the loss law's factors and the expected
// numbers of distinct experts. Filled by scalar code, each once; from here on all is + - * / and
// max.
//
// One-axis tables, but for the FFN ratio (its hidden size is rounded at each width) and, in spaces
// with shared experts, the activation rate. Of these two a power is computed when it is first asked
// for (FfnPowers), since a search that drops whole boxes asks for few, and where they would be
// large none is kept: the same bits.

#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "rooflaw/search/question.hpp"
#include "rooflaw/search/space/options.hpp"

namespace rooflaw::search {

/// A term of the law that FFN block and width make: which powers it multiplies.
struct FfnTerm {
  double coefficient = 0;
  std::optional<std::size_t> activation;  // of PowerTables::activation
  std::optional<std::size_t> ratio;       // of PowerTables::ratio
  std::vector<double> width;              // by width
};

/// What one law is made of.
struct LawTables {
  std::vector<double> depth;            // by layers: the depth part, constants included
  std::vector<std::vector<double>> kv;  // by width and attention digit: the KV term
  std::array<FfnTerm, 2> ffn_terms;     // sparsity, capacity
};

/// Places in a table over some of the axes, the last fastest.
class TablePlaces {
 public:
  TablePlaces() = default;
  TablePlaces(const Space& space, const std::vector<Axis>& axes);
  std::size_t size() const { return size_; }
  std::size_t operator()(const Frame& frame, const Digits& ffn) const {
    std::size_t place =
        frame.ffn_digit * strides_[Axis::ffn] + frame.width_digit * strides_[Axis::width];
    for (const Axis axis : all_axes) place += ffn[axis] * strides_[axis];
    return place;
  }

 private:
  PerAxis<std::size_t, struct StrideInTable> strides_{};  // 0: not one of them
  std::size_t size_ = 1;
};

/// Powers that are kept from when they are first asked for; by one thread.
class KeptPowers {
 public:
  /// @param size  0: none is kept
  explicit KeptPowers(std::size_t size);
  bool empty() const { return powers_ == nullptr; }
  template <class Compute>
  double at(std::size_t place, const Compute& compute) const {
    if (empty()) return compute();
    double& power = powers_.get()[place];
    if (power == 0.0) power = compute();  // again, if it is 0
    return power;
  }

 private:
  struct Free {
    void operator()(double* memory) const { std::free(memory); }
  };
  std::unique_ptr<double, Free> powers_;
};

struct PowerTables {
  std::vector<LawTables> laws;  // in the question's order
  std::vector<double> ratio_exponents, activation_exponents;
  TablePlaces ratio_place;        // FFN kind, width, axes of the FFN but experts
  std::vector<KeptPowers> ratio;  // by exponent
  TablePlaces activation_place;   // experts and top_k; with shared experts width and all of the FFN
  std::vector<KeptPowers> activation;         // by exponent
  std::vector<double> token_counts;           // of all passes, ascending
  TablePlaces routing_place;                  // experts and top_k
  std::vector<std::vector<double>> distinct;  // by token count
  std::vector<double> rows_read;              // by token count
};

/// The numbers of tokens of a pass over all deployments' phases, each once, ascending.
std::vector<double> token_counts(const Question& question);
std::size_t token_count_number(const std::vector<double>& counts, double tokens);

inline constexpr double most_tabulated = 8.0 * 1024 * 1024;

/// Cost: one pow an entry, but of ratio and activation; `between` is called now and then.
/// @param most  entries of the two large tables each, else none are kept
/// @throws InputError if those of experts x top_k alone would take more than 1 GiB.
PowerTables fill_tables(const Question& question, const std::function<void()>& between = {},
                        double most = most_tabulated);

/// Powers of one FFN block by column.
class FfnPowers {
 public:
  /// Keeps references.
  FfnPowers(const PowerTables& tables, const Frame& frame, const FfnOption& option)
      : tables_(tables), frame_(frame), option_(option) {}
  double ratio(std::size_t column) const;
  double activation(std::size_t column) const;

 private:
  const PowerTables& tables_;
  const Frame& frame_;
  const FfnOption& option_;
};

}  // namespace rooflaw::search
