#pragma once
// Tables of everything in the model that is a power: the loss law's factors and the expected
// numbers of distinct experts. Filled by scalar code, each once; from here on all is + - * / and
// max.
//
// One-axis tables, but for the FFN ratio (its hidden size is rounded at each width) and, in spaces
// with shared experts, the activation rate.

#include <array>
#include <optional>
#include <vector>

#include "rooflaw/search/question.hpp"

namespace rooflaw::search {

/// A term of the law that FFN block and width make: which powers it multiplies.
struct FfnTerm {
  double coefficient = 0;
  std::optional<std::size_t> activation;  // of PowerTables::activation
  std::optional<std::size_t> ratio;       // of PowerTables::ratio
  std::vector<double> width;              // by width
};

struct PowerTables {
  std::vector<double> depth;  // by layers: the loss's depth part, the law's constant included
  std::vector<double> kv;     // by (width, attention, kv): the KV term
  std::array<FfnTerm, 2> ffn_terms;        // sparsity, capacity
  std::vector<std::vector<double>> ratio;  // by exponent, then (ffn, width, ratio, shared, top_k)
  std::vector<std::vector<double>>
      activation;                 // by exponent, then (experts, top_k), or with shared
                                  // experts (width, ratio, shared, experts, top_k)
  bool shared = false;            // are there shared experts?
  std::vector<double> distinct;   // by (token count, experts, top_k)
  std::vector<double> rows_read;  // by token count
};

/// The numbers of tokens of a pass over all deployments' phases, each once, ascending.
std::vector<double> token_counts(const Question& question);
std::size_t token_count_number(const std::vector<double>& counts, double tokens);

/// Cost: one pow an entry. @throws InputError if the tables would take more than 1 GiB.
PowerTables fill_tables(const Question& question);

/// Places in the tables.
struct TableLayout {
  explicit TableLayout(const Space& space) : lengths(axis_lengths(space)) {}
  Digits lengths;
  std::size_t length(Axis axis) const { return lengths[static_cast<std::size_t>(axis)]; }
  std::size_t kv(std::size_t width, std::size_t kind, std::size_t digit) const {
    return (width * length(Axis::attention) + kind) * length(Axis::kv) + digit;
  }
  std::size_t ratio(std::size_t ffn, std::size_t width, const FfnOption& o) const {
    return (((ffn * length(Axis::width) + width) * length(Axis::ratio) + o.ratio_digit) *
                length(Axis::shared) +
            o.shared_digit) *
               length(Axis::top_k) +
           o.routing.top_k_digit;
  }
  std::size_t routing(const ExpertOption& o) const {
    return o.experts_digit * length(Axis::top_k) + o.top_k_digit;
  }
  std::size_t activation_shared(std::size_t width, const FfnOption& o) const {
    return ((width * length(Axis::ratio) + o.ratio_digit) * length(Axis::shared) + o.shared_digit) *
               length(Axis::experts) * length(Axis::top_k) +
           routing(o.routing);
  }
  std::size_t activation(const PowerTables& tables, std::size_t width, const FfnOption& o) const {
    return tables.shared ? activation_shared(width, o) : routing(o.routing);
  }
  std::size_t distinct(std::size_t token_number, const ExpertOption& o) const {
    return token_number * length(Axis::experts) * length(Axis::top_k) + routing(o);
  }
};

}  // namespace rooflaw::search
