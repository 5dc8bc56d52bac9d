#include "space_reader.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "foreign_names.hpp"
#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/search/space/axes.hpp"

namespace rooflaw::io {

using search::AttentionChoice;
using search::Axis;
using search::AxisHome;
using search::AxisStep;
using search::Space;

namespace {

constexpr double longest_axis = 1e6;
constexpr double most_pairs = 1e6;  // of two axes that a search enumerates together

constexpr format::NumberRule query_ratio_rule{
    0, false, 1024, true, "must be a number in (0, 1024]: heads = query_ratio * width / head_dim"};

/// Where the values of an axis stand: a key and a node each (of a range, the range).
struct AxisNodes {
  std::vector<std::pair<std::string_view, const toml::node*>> nodes;
  bool continuous = false;  // everything between two ends that can be built
};

/// The values of a key with their nodes.
template <class T>
struct KeyValues {
  std::vector<T> values;
  std::vector<const toml::node*> nodes;
  bool continuous = false;
};

template <class T>
void expand_ends(format::TableReader& range, double from, double to, const AxisStep& step,
                 const toml::table& table, KeyValues<T>& out) {
  if (to < from) {
    range.fault("to", "must not be below from");
  } else if ((to - from) / step.size() >= longest_axis) {
    range.fault("to", fmt::format("leaves more than {} sizes that can be built", longest_axis));
  } else {
    out.continuous = true;
    if constexpr (std::is_integral_v<T>) from = std::ceil(from), to = std::floor(to);
    out.values = search::sizes_between(static_cast<T>(from), static_cast<T>(to), step);
    out.nodes.assign(out.values.size(), &table);
    if (out.values.empty())
      range.fault("to", fmt::format("leaves no multiple of {} between from and to", step.size()));
  }
}

/// {from, to, step} with `to` included, or {from, to}.
template <class T>
void expand_range(format::TableReader& axis, const toml::table& table,
                  const format::NumberRule& rule, const std::string& name, const AxisStep& unit,
                  KeyValues<T>& out) {
  format::TableReader range(table, name, axis.faults());
  const std::size_t before = axis.faults().size();
  const double from = range.required_number("from", rule);
  const double to = range.required_number("to", rule);
  const auto given_step = range.number("step", format::rules::positive);
  range.reject_unknown_keys();
  if (axis.faults().size() != before) return;
  if (!given_step) return expand_ends(range, from, to, unit, table, out);
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

/// A list, or a range of numbers. `read` turns an element into a value or nullopt; `words` are
/// those that it takes.
template <class T, class Read>
KeyValues<T> read_axis(format::TableReader& reader, std::string_view key,
                       const format::NumberRule* range_rule, const std::string& element_rule,
                       Read read, const AxisStep& step = {},
                       const std::vector<std::string_view>& words = {}) {
  KeyValues<T> axis;
  const toml::node* node = reader.node(key);
  if (node == nullptr) return axis;
  const std::string name = reader.full_name(key);
  if (const toml::table* range = node->as_table(); range != nullptr && range_rule != nullptr) {
    if constexpr (std::is_arithmetic_v<T>)
      expand_range(reader, *range, *range_rule, name, step, axis);
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
      reader.faults().add(element, name, element_rule,
                          word_hint(element.value_or<std::string>(""), words));
    } else if (std::find(axis.values.begin(), axis.values.end(), *value) != axis.values.end()) {
      reader.faults().add(element, name, "is listed twice");
    } else {
      axis.values.push_back(*value);
      axis.nodes.push_back(&element);
    }
  }
  return axis;
}

/// An axis of numbers by its home.
template <class T>
KeyValues<T> read_numbers(format::TableReader& reader, const AxisHome& home, const AxisStep& step) {
  const std::string rule =
      std::is_integral_v<T>
          ? fmt::format("must be whole numbers from {} to {}", home.least, format::largest_size)
          : fmt::format("must be a number in {}{}, {:.0f}]", home.least_included ? '[' : '(',
                        home.least, home.most);
  const format::NumberRule range{
      home.least, home.least_included, home.most, true,
      std::is_integral_v<T> ? "must be a whole number within the axis's bounds" : rule.c_str()};
  return read_axis<T>(
      reader, home.key, &range, rule,
      [&](const toml::node& node) -> std::optional<T> {
        if (std::is_integral_v<T> ? !node.is_integer() : !node.is_number()) return std::nullopt;
        const auto x = node.value<T>();
        return x && range.holds(static_cast<double>(*x)) ? x : std::nullopt;
      },
      step);
}

KeyValues<std::int64_t> read_kv_heads(format::TableReader& reader) {
  static constexpr format::NumberRule range_rule{1, true, static_cast<double>(format::largest_size),
                                                 true, "must be a whole number >= 1"};
  return read_axis<std::int64_t>(
      reader, "kv_heads", &range_rule, "must be whole numbers >= 1 or \"heads\"",
      [](const toml::node& node) -> std::optional<std::int64_t> {
        if (node.is_string() && node.value<std::string>() == "heads") return model::all_heads;
        const auto n = node.is_integer() ? node.value<std::int64_t>() : std::nullopt;
        return n && *n >= 1 && *n <= format::largest_size ? n : std::nullopt;
      },
      {}, {"heads"});
}

KeyValues<model::MlaRanks> read_mla(format::TableReader& reader) {
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
KeyValues<T> read_kinds(format::TableReader& reader, std::string_view key, std::string_view rule,
                        const std::vector<std::string_view>& names, FromName from_name) {
  return read_axis<T>(
      reader, key, nullptr, std::string(rule),
      [&](const toml::node& node) { return from_name(node.value<std::string>().value_or("")); }, {},
      names);
}

template <class T>
void note_nodes(std::string_view key, const KeyValues<T>& values, AxisNodes& nodes) {
  for (const toml::node* node : values.nodes) nodes.nodes.emplace_back(key, node);
  nodes.continuous = nodes.continuous || values.continuous;
}

/// The attention axis from its three keys: of each kind, in the order of `attention`, the entries
/// of its own key.
AxisNodes read_attention(format::TableReader& reader, Space& space) {
  using model::AttentionKind;
  auto kinds = read_kinds<AttentionKind>(reader, "attention", attention_rule, attention_names,
                                         law_knows<AttentionKind>(model::attention_kind_from));
  if (!reader.has("attention")) kinds.values = {AttentionKind::gqa};
  const auto kv_heads = read_kv_heads(reader);
  const auto mla = read_mla(reader);
  AxisNodes nodes;
  const auto add = [&](const std::vector<AttentionChoice>& choices) {
    space.attention.insert(space.attention.end(), choices.begin(), choices.end());
  };
  for (const AttentionKind kind : kinds.values) {
    if (kind == AttentionKind::gqa) {
      add(search::gqa_choices(kv_heads.values));
      note_nodes("kv_heads", kv_heads, nodes);
      if (!reader.has("kv_heads"))
        reader.fault("kv_heads", "is missing: attention \"gqa\" needs it");
    } else {
      add(search::mla_choices(mla.values));
      note_nodes("mla", mla, nodes);
      if (!reader.has("mla")) reader.fault("mla", "is missing: attention \"mla\" needs it");
    }
  }
  const auto reject_without = [&](AttentionKind kind, std::string_view key, const auto& values) {
    if (std::find(kinds.values.begin(), kinds.values.end(), kind) != kinds.values.end()) return;
    if (kinds.values.empty() || values.continuous) return;
    const toml::node* reported = nullptr;  // a range has one node for all values
    for (const toml::node* node : values.nodes)
      if (std::exchange(reported, node) != node)
        reader.faults().add(*node, reader.full_name(key),
                            "no width can use it: the attention axis must have its kind");
  };
  reject_without(AttentionKind::gqa, "kv_heads", kv_heads);
  reject_without(AttentionKind::mla, "mla", mla);
  return nodes;
}

/// An axis as its key says, into its member of Space.
AxisNodes read_home(format::TableReader& reader, Axis axis, Space& space) {
  const AxisHome& home = search::home_of(axis);
  if (home.required && !reader.has(home.key)) reader.fault(home.key, "is missing");
  if (axis == Axis::attention) return read_attention(reader, space);
  AxisNodes nodes;
  const auto keep = [&](auto& member, auto values) {
    if (reader.has(home.key)) member = values.values;
    note_nodes(home.key, values, nodes);
  };
  std::visit(
      [&](auto member) {
        using T = typename std::remove_reference_t<decltype(space.*member)>::value_type;
        if constexpr (std::is_arithmetic_v<T>)
          keep(space.*member, read_numbers<T>(reader, home, home.step(space)));
        else if constexpr (std::is_same_v<T, model::FfnKind>)
          keep(space.*member,
               read_kinds<T>(reader, home.key, "must be \"gated\" or \"plain\"", ffn_names,
                             law_knows<model::FfnKind>(model::ffn_kind_from)));
      },
      home.values);
  return nodes;
}

void read_window(format::TableReader& reader, Space& space) {
  if (const toml::node* node = reader.node("window"); node != nullptr && node->is_array())
    return reader.fault(
        "window",
        "must be one table: a pattern is of all points of a job, no axis, since the "
        "law cannot see it");
  const toml::table* table = reader.sub_table("window");
  if (table == nullptr) return;
  format::TableReader window(*table, reader.full_name("window"), reader.faults());
  space.window = {.tokens = window.required_integer("tokens", 1),
                  .global_every = window.required_integer("global_every", 1)};
  window.reject_unknown_keys();
}

void reject_window_on_mla(format::TableReader& reader, const Space& space) {
  const bool mla = std::any_of(space.attention.begin(), space.attention.end(),
                               [](const auto& c) { return c.kind == model::AttentionKind::mla; });
  if (space.window && mla) reader.fault("window", "goes with attention = [\"gqa\"] only");
}

/// Pairs are enumerated while reading already.
void reject_too_many_pairs(format::TableReader& reader, const Space& space) {
  const auto lengths = search::axis_lengths(space);
  const auto check = [&](Axis a, Axis b, std::string_view others) {
    if (static_cast<double>(lengths[a]) * static_cast<double>(lengths[b]) > most_pairs)
      reader.fault(search::home_of(a).key,
                   fmt::format("makes more than {} pairs with {}", most_pairs, others));
  };
  check(Axis::width, Axis::attention, "kv_heads or mla");
  check(Axis::experts, Axis::top_k, "top_k");
}

void reject_unused_values(format::TableReader& reader, const Space& space,
                          const search::PerAxis<AxisNodes, struct NodesOfAxis>& nodes) {
  const toml::node* reported = nullptr;
  for (const auto& unused : search::unused_values(space)) {
    const AxisNodes& axis = nodes[unused.axis];
    if (axis.continuous) continue;  // not every whole number between two ends need be of use
    // A default has no node to point at.
    if (unused.digit >= axis.nodes.size()) {
      reader.fault(search::home_of(unused.axis).key, unused.why);
      continue;
    }
    const auto& [key, node] = axis.nodes[unused.digit];
    if (node == reported) continue;  // a range has one node for all values
    reported = node;
    reader.faults().add(*node, reader.full_name(key), unused.why);
  }
}

}  // namespace

search::Space read_space(format::TableReader& reader) {
  const std::size_t before = reader.faults().size();
  Space space;
  // Of a size that is at fault the value does not matter: nothing is read from this table then.
  space.head_dim = std::max<std::int64_t>(reader.required_integer("head_dim", 1), 1);
  space.query_ratio = reader.number("query_ratio", query_ratio_rule).value_or(space.query_ratio);
  read_window(reader, space);
  space.ffn_multiple_of =
      std::max<std::int64_t>(reader.integer("ffn_multiple_of", 1).value_or(1), 1);
  search::PerAxis<AxisNodes, struct NodesOfAxis> nodes;
  for (const Axis axis : search::all_axes) {
    nodes[axis] = read_home(reader, axis, space);
    space.continuous = space.continuous || nodes[axis].continuous;
  }
  space.vocab = reader.required_integer("vocab", 1);
  space.tied = reader.boolean("tied").value_or(true);
  space.ffn_sparsity = reader.number("ffn_sparsity", format::rules::fraction).value_or(0.0);
  explain_space_keys(reader);
  reader.reject_unknown_keys();
  if (reader.faults().size() != before) return space;

  if (!search::index_count(space)) {
    reader.fault("layers", "with the other axes makes a space of more than 2^63 - 1 points");
    return space;
  }
  reject_window_on_mla(reader, space);
  reject_too_many_pairs(reader, space);
  if (reader.faults().size() != before) return space;
  reject_unused_values(reader, space, nodes);
  if (space.continuous && reader.faults().size() == before && search::valid_count(space) == 0)
    reader.fault("widths",
                 "leaves no architecture: sizes between the ends of an axis do not go "
                 "with the other axes");
  return space;
}

}  // namespace rooflaw::io
