#pragma once
// From the keys of a config to its layers.

#include <string>
#include <vector>

#include "config_json_families.hpp"
#include "config_json_fields.hpp"
#include "rooflaw/model/architecture.hpp"

namespace rooflaw::io {

struct ConfigReading {
  ConfigFields& fields;
  const Family& family;
  bool nested = false;  // transformers leaves out of inner objects what its defaults say
  std::vector<std::string>& notes;
};

enum class Mixer { full, window, conv, delta, mamba, beside, none };
enum class FfnOf { dense, experts, none };
struct LayerKind {
  Mixer mixer = Mixer::full;
  FfnOf ffn = FfnOf::dense;
};

/// Sizes that all layers share.
struct CommonSizes {
  std::int64_t layers = 0;
  std::int64_t width = 0;
  std::int64_t heads = 0;
};

CommonSizes read_common_sizes(ConfigReading& r);

/// What kind each layer is, FFNs with experts left to mark_experts.
std::vector<LayerKind> read_kinds(ConfigReading& r, std::int64_t layers);

/// Which layers have experts. Without `experts` the keys that place them say nothing.
void mark_experts(ConfigReading& r, std::int64_t experts, std::vector<LayerKind>& kinds);

/// Mixers of the kinds that occur.
struct Mixers {
  model::Layers attention;  // without window
  std::int64_t window = 0;
  model::RecurrentSizes conv;
  model::RecurrentSizes delta;
  model::RecurrentSizes mamba;
};
Mixers read_mixers(ConfigReading& r, const CommonSizes& sizes, const std::vector<LayerKind>& kinds);

/// FFN fields of a dense layer and of one with experts.
struct Ffns {
  model::Layers dense;
  model::Layers experts;
};
std::int64_t read_experts(ConfigReading& r);
Ffns read_ffns(ConfigReading& r, std::int64_t width, std::int64_t experts,
               const std::vector<LayerKind>& kinds);

/// A size that transformers gives a default for; `anywhere`: also outside inner objects.
std::int64_t size_or_default(ConfigReading& r, const std::vector<std::string_view>& spellings,
                             std::int64_t otherwise, bool anywhere);

}  // namespace rooflaw::io
