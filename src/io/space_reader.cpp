#include "space_reader.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "rooflaw/io/catalogue.hpp"

namespace rooflaw::io {

using search::Space;

namespace {

constexpr double longest_axis = 1e6;
constexpr double most_pairs = 1e6;  // of two axes that a search enumerates together

/// The values of an axis with the node each stands at (of a range, the range).
template <class T>
struct AxisValues {
  std::vector<T> values;
  std::vector<const toml::node*> nodes;
  bool continuous = false;  // everything between two ends that can be built
};

/// What can be built between the ends of a continuous axis: how far apart at least, and the list.
template <class T>
struct Buildable {
  double unit = 1;
  std::function<std::vector<T>(double from, double to)> between;
};

Buildable<std::int64_t> whole_multiples(std::int64_t unit) {
  return {static_cast<double>(unit), [unit](double from, double to) {
            return search::multiples_between(static_cast<std::int64_t>(std::ceil(from)),
                                             static_cast<std::int64_t>(std::floor(to)), unit);
          }};
}

template <class T>
void expand_ends(format::TableReader& range, double from, double to, const Buildable<T>& buildable,
                 const toml::table& table, AxisValues<T>& out) {
  if (to < from) {
    range.fault("to", "must not be below from");
  } else if ((to - from) / buildable.unit >= longest_axis) {
    range.fault("to", fmt::format("leaves more than {} sizes that can be built", longest_axis));
  } else {
    out.continuous = true;
    out.values = buildable.between(from, to);
    out.nodes.assign(out.values.size(), &table);
    if (out.values.empty())
      range.fault("to",
                  fmt::format("leaves no multiple of {} between from and to", buildable.unit));
  }
}

/// {from, to, step} with `to` included, or {from, to}.
template <class T>
void expand_range(format::TableReader& axis, const toml::table& table,
                  const format::NumberRule& rule, const std::string& name,
                  const Buildable<T>& buildable, AxisValues<T>& out) {
  format::TableReader range(table, name, axis.faults());
  const std::size_t before = axis.faults().size();
  const double from = range.required_number("from", rule);
  const double to = range.required_number("to", rule);
  const auto given_step = range.number("step", format::rules::positive);
  range.reject_unknown_keys();
  if (axis.faults().size() != before) return;
  if (!given_step) return expand_ends(range, from, to, buildable, table, out);
  const double step = *given_step;
  const double steps = (to - from) / step;
  if (steps < 0) {
    range.fault("to", "must not be below from");
  } else if (steps >= longest_axis) {
    range.fault("step", fmt::format("makes an axis of more than {} values", longest_axis));
  } else if (std::abs(steps - std::round(steps)) > 1e-6) {
    range.fault("step", "must divide to - from: `to` is included");
  } else {
    for (std::int64_t i = 0; i <= std::llround(steps); ++i) {
      const double x = from + static_cast<double>(i) * step;
      if (std::is_integral_v<T> && x != std::floor(x)) {
        range.fault("step", "must give whole numbers");
        return;
      }
      out.values.push_back(static_cast<T>(x));
      out.nodes.push_back(&table);
    }
  }
}

/// An axis: a list or a range. `read` turns an element into a value or nullopt.
template <class T, class Read>
AxisValues<T> read_axis(format::TableReader& reader, std::string_view key,
                        const format::NumberRule* range_rule, const std::string& element_rule,
                        Read read, const Buildable<T>& buildable = {}) {
  AxisValues<T> axis;
  const toml::node* node = reader.node(key);
  if (node == nullptr) return axis;
  const std::string name = reader.full_name(key);
  if (const toml::table* range = node->as_table(); range != nullptr && range_rule != nullptr) {
    if constexpr (std::is_arithmetic_v<T>)
      expand_range(reader, *range, *range_rule, name, buildable, axis);
    return axis;
  }
  const toml::array* list = node->as_array();
  if (list == nullptr) {
    reader.fault(key, range_rule != nullptr ? "must be a list, {from, to, step} or {from, to}"
                                            : "must be a list");
    return axis;
  }
  if (list->empty()) reader.fault(key, "must not be empty");
  if (list->size() > format::longest_list) {
    reader.fault(key, format::too_long_rule());
    return axis;
  }
  for (const toml::node& element : *list) {
    const std::optional<T> value = read(element);
    if (!value) {
      reader.faults().add(element, name, element_rule);
    } else if (std::find(axis.values.begin(), axis.values.end(), *value) != axis.values.end()) {
      reader.faults().add(element, name, "is listed twice");
    } else {
      axis.values.push_back(*value);
      axis.nodes.push_back(&element);
    }
  }
  return axis;
}

AxisValues<std::int64_t> read_sizes(format::TableReader& reader, std::string_view key,
                                    std::int64_t low, std::int64_t unit = 1) {
  const format::NumberRule range_rule{static_cast<double>(low), true,
                                      static_cast<double>(format::largest_size), true,
                                      "must be a whole number within the axis's bounds"};
  return read_axis<std::int64_t>(
      reader, key, &range_rule,
      fmt::format("must be whole numbers from {} to {}", low, format::largest_size),
      [low](const toml::node& node) -> std::optional<std::int64_t> {
        if (!node.is_integer()) return std::nullopt;
        const auto n = node.value<std::int64_t>();
        return *n >= low && *n <= format::largest_size ? n : std::nullopt;
      },
      whole_multiples(unit));
}

/// @param unit, widest  FFN sizes are multiples of the unit; they are finest at the largest width
AxisValues<double> read_ratios(format::TableReader& reader, std::int64_t unit,
                               std::int64_t widest) {
  static constexpr format::NumberRule rule{0, false, 1e6, true, "must be a number in (0, 1000000]"};
  return read_axis<double>(
      reader, "expert_ffn_ratio", &rule, std::string(rule.text),
      [](const toml::node& node) -> std::optional<double> {
        const auto x = node.is_number() ? node.value<double>() : std::nullopt;
        return x && rule.holds(*x) ? x : std::nullopt;
      },
      {static_cast<double>(unit) / static_cast<double>(widest),
       [=](double from, double to) { return search::ratios_between(from, to, unit, widest); }});
}

AxisValues<std::int64_t> read_kv_heads(format::TableReader& reader) {
  static constexpr format::NumberRule range_rule{1, true, static_cast<double>(format::largest_size),
                                                 true, "must be a whole number >= 1"};
  return read_axis<std::int64_t>(
      reader, "kv_heads", &range_rule, "must be whole numbers >= 1 or \"heads\"",
      [](const toml::node& node) -> std::optional<std::int64_t> {
        if (node.is_string() && node.value<std::string>() == "heads") return model::all_heads;
        const auto n = node.is_integer() ? node.value<std::int64_t>() : std::nullopt;
        return n && *n >= 1 && *n <= format::largest_size ? n : std::nullopt;
      },
      whole_multiples(1));
}

AxisValues<model::MlaRanks> read_mla(format::TableReader& reader) {
  return read_axis<model::MlaRanks>(reader, "mla", nullptr, "must be tables of MLA ranks",
                                    [&](const toml::node& node) -> std::optional<model::MlaRanks> {
                                      const toml::table* table = node.as_table();
                                      if (table == nullptr) return std::nullopt;
                                      format::TableReader ranks(*table, "space.mla",
                                                                reader.faults());
                                      const auto value = read_mla_ranks(ranks);
                                      ranks.reject_unknown_keys();
                                      return value;
                                    });
}

template <class T, class FromName>
AxisValues<T> read_kinds(format::TableReader& reader, std::string_view key, const std::string& rule,
                         FromName from_name) {
  return read_axis<T>(reader, key, nullptr, rule, [&](const toml::node& node) {
    return from_name(node.value<std::string>().value_or(""));
  });
}

}  // namespace

search::Space read_space(format::TableReader& reader) {
  const std::size_t before = reader.faults().size();
  for (const std::string_view key : {"layers", "widths", "expert_ffn_ratio", "experts", "top_k"})
    if (!reader.has(key)) reader.fault(key, "is missing");

  const auto attention = read_kinds<model::AttentionKind>(
      reader, "attention", "must be \"gqa\" or \"mla\"", model::attention_kind_from);
  const auto ffn = read_kinds<model::FfnKind>(reader, "ffn", "must be \"gated\" or \"plain\"",
                                              model::ffn_kind_from);
  Space space;
  space.head_dim = reader.required_integer("head_dim", 1);
  space.ffn_multiple_of = reader.integer("ffn_multiple_of", 1).value_or(1);
  // Of a size that is at fault the value does not matter: nothing is read from this table then.
  const std::int64_t head_dim = std::max<std::int64_t>(space.head_dim, 1);
  const std::int64_t ffn_unit = std::max<std::int64_t>(space.ffn_multiple_of, 1);
  const auto widths = read_sizes(reader, "widths", 1, head_dim);
  const auto kv_heads = read_kv_heads(reader);
  const auto mla = read_mla(reader);
  const std::int64_t widest =
      widths.values.empty() ? 1 : *std::max_element(widths.values.begin(), widths.values.end());
  const auto ratios = read_ratios(reader, ffn_unit, widest);
  const auto shared = read_sizes(reader, "shared_ffn", 0, ffn_unit);
  const auto experts = read_sizes(reader, "experts", 1);
  const auto top_k = read_sizes(reader, "top_k", 1);
  const auto layers = read_sizes(reader, "layers", 1);

  if (reader.has("attention")) space.attention = attention.values;
  if (reader.has("ffn")) space.ffn = ffn.values;
  space.widths = widths.values;
  space.kv_heads = kv_heads.values;
  space.mla = mla.values;
  space.expert_ffn_ratio = ratios.values;
  if (reader.has("shared_ffn")) space.shared_ffn = shared.values;
  space.experts = experts.values;
  space.top_k = top_k.values;
  space.layers = layers.values;
  space.continuous = layers.continuous || widths.continuous || kv_heads.continuous ||
                     ratios.continuous || shared.continuous || experts.continuous ||
                     top_k.continuous;
  space.vocab = reader.required_integer("vocab", 1);
  space.tied = reader.boolean("tied").value_or(true);
  space.ffn_sparsity = reader.number("ffn_sparsity", format::rules::fraction).value_or(0.0);
  reader.reject_unknown_keys();

  const auto has_kind = [&](model::AttentionKind kind) {
    return std::find(space.attention.begin(), space.attention.end(), kind) != space.attention.end();
  };
  if (has_kind(model::AttentionKind::gqa) && !reader.has("kv_heads"))
    reader.fault("kv_heads", "is missing: attention \"gqa\" needs it");
  if (has_kind(model::AttentionKind::mla) && !reader.has("mla"))
    reader.fault("mla", "is missing: attention \"mla\" needs it");
  if (reader.faults().size() != before) return space;

  if (!search::index_count(space)) {
    reader.fault("layers", "with the other axes makes a space of more than 2^63 - 1 points");
    return space;
  }
  // They are enumerated while reading already.
  const auto pairs = [](std::size_t a, std::size_t b) {
    return static_cast<double>(a) * static_cast<double>(b);
  };
  if (pairs(space.widths.size(), std::max(space.kv_heads.size(), space.mla.size())) > most_pairs)
    reader.fault("widths",
                 fmt::format("makes more than {} pairs with kv_heads or mla", most_pairs));
  if (pairs(space.experts.size(), space.top_k.size()) > most_pairs)
    reader.fault("experts", fmt::format("makes more than {} pairs with top_k", most_pairs));
  if (reader.faults().size() != before) return space;

  using search::Axis;
  const toml::node* reported = nullptr;
  for (const auto& unused : search::unused_values(space)) {
    const auto report = [&](std::string_view key, const auto& values) {
      if (values.continuous) return;  // not every whole number between two ends need be of use
      // A default axis (attention, ffn, shared_ffn left out) has no node to point at.
      if (unused.digit >= values.nodes.size()) {
        reader.fault(key, unused.why);
      } else if (values.nodes[unused.digit] != reported) {  // a range has one node for all values
        reported = values.nodes[unused.digit];
        reader.faults().add(*reported, reader.full_name(key), unused.why);
      }
    };
    switch (unused.axis) {
      case Axis::attention:
        report("attention", attention);
        break;
      case Axis::width:
        report("widths", widths);
        break;
      case Axis::kv:
        unused.of_mla ? report("mla", mla) : report("kv_heads", kv_heads);
        break;
      case Axis::ratio:
        report("expert_ffn_ratio", ratios);
        break;
      case Axis::experts:
        report("experts", experts);
        break;
      case Axis::top_k:
        report("top_k", top_k);
        break;
      default:
        break;  // ffn, shared_ffn and layers go with everything
    }
  }
  if (space.continuous && reader.faults().size() == before && search::valid_count(space) == 0)
    reader.fault("widths",
                 "leaves no architecture: sizes between the ends of an axis do not go "
                 "with the other axes");
  return space;
}

}  // namespace rooflaw::io
