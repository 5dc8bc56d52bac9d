#pragma once
// What a number format costs in loss, as published functions of the model: N parameters without
// embeddings, D tokens that it was trained on. Beside the constant loss_delta of a precision; a
// search uses that alone.
//
// ptq, weights rounded after training, inputs left in 16 bit. Two formulas:
//   0.0598 D^0.5068 N^-0.3439 exp(1.1277 - bits / 0.5907)   arXiv:2411.04330 table 2: GPTQ, N 30 to
//                                                           220 million, D 1.5 to 26 billion
//   0.017 D^0.5251 N^-0.2261 bits^-5.4967                   arXiv:2411.17691 fig. 6: Pythia, 2 to 4
//                                                           bits
// qat, training with 4-bit weights in groups of G, and inputs of 16 or of 4 bits:
//   k D^gamma_D (log2 G)^gamma_G N^-gamma_N                 arXiv:2505.14302 table 1: N 74 to 594
//                                                           million
//
// Both grow with the tokens and fall with the size. Beyond what they were fitted on they
// extrapolate, and by a factor of several between the two of ptq.

#include <optional>
#include <string_view>

#include "rooflaw/model/precision.hpp"

namespace rooflaw::model {

/// Nats per token. Of ptq `low` and `high` are the two formulas, `value` their mean; of qat no
/// error is published, both are NaN.
struct Penalty {
  double value = 0;
  double low = 0;
  double high = 0;
  bool extrapolated = false;  // outside what it was fitted on, of ptq either formula
};

/// Bits of a weight, of attention or of the FFN, whichever has less. What a block format stores
/// beyond whole bits are its scales, which the formulas do not count.
double weight_bits(const Precision& p);

/// Do the formulas speak of such a format? ptq: weights of 1 to 8 bits, inputs not quantised; qat:
/// integer weights of 4 bits in groups of known size, inputs not quantised or of 4 bits in int4.
bool applies(PenaltyKind kind, const Precision& p);
/// The same in words, and what the formulas were fitted on.
std::string_view scope_of(PenaltyKind kind);
std::string_view fitted_on(PenaltyKind kind);

/// Absent where the formulas do not apply.
/// @param parameters  without embeddings, > 0
std::optional<Penalty> precision_penalty(PenaltyKind kind, const Precision& p, double parameters,
                                         double tokens);

}  // namespace rooflaw::model
