#pragma once
// Tables of everything in the model that is a power: the loss law's factors and the expected
// numbers of distinct experts. Filled by scalar code, each once; from here on all is + - * / and
// max.
//
// One-axis tables, but for the FFN ratio (its hidden size is rounded at each width) and, in spaces
// with shared experts, the activation rate.

#include <array>
#include <functional>
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
  std::vector<double> depth;         // by layers: the depth part, constants included
  std::vector<double> kv;            // by (width, attention): the KV term
  std::array<FfnTerm, 2> ffn_terms;  // sparsity, capacity
};

struct PowerTables {
  Lengths lengths{};                       // of the axes
  std::vector<LawTables> laws;             // in the question's order
  std::vector<std::vector<double>> ratio;  // by exponent and (ffn, width, ratio, shared, top_k)
  std::vector<std::vector<double>> activation;  // by exponent and (experts, top_k) or, if there are
  bool shared = false;            //   shared experts, (width, ratio, shared, experts, top_k)
  std::vector<double> distinct;   // by (token count, experts, top_k)
  std::vector<double> rows_read;  // by token count

  // Places in the tables.
  std::size_t kv_place(std::size_t width_digit, std::size_t attention_digit) const {
    return width_digit * lengths[Axis::attention] + attention_digit;
  }
  std::size_t ratio_place(const Frame& frame, const Digits& ffn) const {
    return ((frame.ffn_digit * lengths[Axis::width] + frame.width_digit) * ratios() +
            ratio_digit(ffn)) *
               lengths[Axis::top_k] +
           ffn[Axis::top_k];
  }
  std::size_t routing_place(std::size_t experts_digit, std::size_t top_k_digit) const {
    return experts_digit * lengths[Axis::top_k] + top_k_digit;
  }
  std::size_t routings() const { return lengths[Axis::experts] * lengths[Axis::top_k]; }
  std::size_t activation_place(const Frame& frame, const Digits& ffn) const {
    const std::size_t routing = routing_place(ffn[Axis::experts], ffn[Axis::top_k]);
    return shared ? (frame.width_digit * ratios() + ratio_digit(ffn)) * routings() + routing
                  : routing;
  }

  // What they hold of a block.
  double kv_term(std::size_t law, std::size_t width_digit, const AttentionOption& option) const {
    return laws[law].kv[kv_place(width_digit, option.digit)];
  }
  double distinct_experts(std::size_t token_number, const FfnOption& option) const {
    return distinct[token_number * routings() +
                    routing_place(option.digits[Axis::experts], option.digits[Axis::top_k])];
  }

 private:
  std::size_t ratios() const { return lengths[Axis::ratio] * lengths[Axis::shared]; }
  std::size_t ratio_digit(const Digits& ffn) const {
    return ffn[Axis::ratio] * lengths[Axis::shared] + ffn[Axis::shared];
  }
};

/// The numbers of tokens of a pass over all deployments' phases, each once, ascending.
std::vector<double> token_counts(const Question& question);
std::size_t token_count_number(const std::vector<double>& counts, double tokens);

/// Cost: one pow an entry; `between` is called now and then.
/// @throws InputError if the tables would take more than 1 GiB.
PowerTables fill_tables(const Question& question, const std::function<void()>& between = {});

}  // namespace rooflaw::search
