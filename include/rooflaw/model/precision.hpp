#pragma once
// Number formats: bytes moved per stored value and the arithmetic they are computed in.

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace rooflaw::model {

enum class ComputeType { fp32, fp16, bf16, int8, int4, fp8, fp4 };
inline constexpr std::array all_compute_types = {
    ComputeType::fp32, ComputeType::fp16, ComputeType::bf16, ComputeType::int8,
    ComputeType::int4, ComputeType::fp8,  ComputeType::fp4};

std::string_view to_string(ComputeType type);
std::optional<ComputeType> compute_type_from(std::string_view name);

/// A penalty in loss that depends on the model (precision_penalty.hpp): of weights rounded after
/// training, or trained for it.
enum class PenaltyKind { ptq, qat };
inline constexpr std::array all_penalty_kinds = {PenaltyKind::ptq, PenaltyKind::qat};
std::string_view to_string(PenaltyKind kind);
std::optional<PenaltyKind> penalty_kind_from(std::string_view name);

/// Bytes are > 0; quantised formats include their scales (Q8_0: 34 bytes for 32 weights = 1.0625).
struct Precision {
  std::string id;
  double weight_bytes = 0;
  double attention_weight_bytes = 0;  // mixers; default weight_bytes
  double ffn_weight_bytes = 0;        // default weight_bytes
  double activation_bytes = 0;        // stored activations
  double kv_bytes = 0;                // cached keys and values
  double input_bytes = 0;             // matmul inputs; default activation_bytes (int8 W8A8: 1)
  double head_bytes = 0;              // lm_head and a tied table; default weight_bytes
  double embedding_bytes = 0;         // input and position tables; default head_bytes
  ComputeType matmul = ComputeType::fp16;
  ComputeType attention = ComputeType::fp16;       // all but products with weights
  double loss_delta = 0;                           // nats per token, a penalty the user supplies
  std::optional<double> loss_delta_uncertainty{};  // its half-width, nats
  std::optional<PenaltyKind> penalty{};  // in the place of loss_delta, which is 0 then; no search
  std::optional<double> group_size{};    // weights that share a scale, >= 2

  bool quantizes_inputs() const { return input_bytes < activation_bytes; }
};

}  // namespace rooflaw::model
