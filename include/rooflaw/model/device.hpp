#pragma once
// A chip as the roofline sees it: peaks, and how much of them an engine reaches.

#include <array>
#include <map>
#include <optional>
#include <string>

#include "rooflaw/model/precision.hpp"
#include "rooflaw/model/workload.hpp"

namespace rooflaw::model {

/// What share of the data-sheet peaks is reached. Defaults are the ideal roofline.
/// R is double, or a number with derivatives where they are fitted.
template <class R>
struct BasicEfficiency {
  R compute{1};              // of peak FLOP/s, (0, 1.5]
  R attention{1};            // the same in attention; default compute
  R bandwidth{1};            // of bandwidth, weights and activations, (0, 1.5]
  R kv_bandwidth{1};         // of bandwidth, KV cache, (0, 1.5]; default bandwidth
  R layer_overhead_s{0};     // per layer and pass
  R pass_overhead_s{0};      // per pass
  std::optional<R> state{};  // of peak FLOP/s in recurrent states; default attention
};
using Efficiency = BasicEfficiency<double>;

/// Where efficiencies are from: none but the data sheet's peaks; those of chips of the same class;
/// speeds measured on this one.
enum class Basis { ideal, prior, measured };
std::string_view to_string(Basis basis);
std::optional<Basis> basis_from(std::string_view name);

/// Factors of a predicted time between which nine of ten measured times lie.
struct Band {
  double low = 1, high = 1;
};

/// How far the times of a phase can be trusted; an unknown band is absent.
struct PhaseTrust {
  Basis basis = Basis::measured;
  std::optional<Band> band{};
};
struct Trust {
  PhaseTrust prefill, decode;
};

/// Settings of the engine that efficiencies were fitted with; others would not fit them.
struct FittedEngine {
  std::optional<bool> flash, query_heads, mla_expanded;
  std::optional<Elementwise> elementwise;
};

struct Device {
  std::string id;
  std::string kind;                           // gpu-soc, npu-soc, cpu, accelerator, gpu; or empty
  std::optional<double> memory_bytes;         // unknown if absent
  std::optional<double> usable_memory_bytes;  // what the system leaves, where a source states it
  double bandwidth_bytes_per_s = 0;
  std::map<ComputeType, double> peak_flops;        // dense FLOP/s; a missing type is not supported
  std::map<std::string, Efficiency> efficiencies;  // by precision id, "*" for the others
  std::map<std::string, Trust> trusts;             // of the same keys
  FittedEngine fitted_engine;
  std::string engine;  // what runs the model; of efficiencies, what they were measured with
  std::optional<double> prefill_power_w;  // drawn in that phase; unknown if absent
  std::optional<double> decode_power_w;
  std::string confidence;  // how the numbers are known: datasheet, derived, estimate; may be empty

  bool has(ComputeType type) const { return peak_flops.contains(type); }

  /// Efficiency at a precision, also a changed one ("int8+0123abcd"): its own entry as a whole,
  /// else "*", else the ideal roofline.
  Efficiency efficiency(const std::string& precision_id) const;

  /// How far that goes; the ideal roofline where there is none.
  Trust trust(const std::string& precision_id) const;
};

/// Are the powers of both phases known?
inline bool has_powers(const Device& device) {
  return device.prefill_power_w && device.decode_power_w;
}

/// What of the memory a model can use.
struct UsableMemory {
  double bytes = 0;
  bool assumed = false;  // a share of the capacity, since no source states it
};
/// As stated; else 95 % of the capacity of a card of its own, 85 % of any other device, whose
/// memory the system shares; empty if the capacity is unknown.
std::optional<UsableMemory> usable_memory(const Device& device);

/// The type attention, router, norms and activations run in: the precision's own if the device has
/// it, else the first of fp16, bf16, fp32 and the matmul type that it has.
/// @throws DomainError if the device lacks all of them.
ComputeType attention_type(const Device& device, const Precision& precision);

}  // namespace rooflaw::model
