// The reader of [[law]]; see inputs/README.md for its keys.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "entry_keys.hpp"
#include "foreign_names.hpp"
#include "law_form_reader.hpp"
#include "rooflaw/io/catalogue.hpp"

namespace rooflaw::io {

namespace {

/// A list of which every element satisfies `read` (which returns nullopt for one that does not).
template <class T, class Read>
std::optional<std::vector<T>> read_list(format::TableReader& reader, std::string_view key,
                                        const std::string& rule, Read read) {
  const toml::array* list = reader.array(key);
  if (list == nullptr) return std::nullopt;
  std::vector<T> values;
  for (const toml::node& node : *list) {
    const std::optional<T> value = read(node);
    if (value)
      values.push_back(*value);
    else
      reader.faults().add(node, reader.full_name(key), rule);
  }
  return values;
}

model::LawRange read_range(format::TableReader& reader) {
  using Pair = std::pair<std::int64_t, std::int64_t>;
  model::LawRange range;
  range.layers = read_interval(reader, "layers");
  range.width = read_interval(reader, "width");
  range.shared_ffn = read_interval(reader, "shared_ffn");
  range.ffn_ratio = read_interval(reader, "ffn_ratio");
  range.activation_rate = read_interval(reader, "activation_rate");
  range.kv_dim = read_interval(reader, "kv_dim");
  range.experts_top_k = read_list<Pair>(reader, "experts_top_k", "must be pairs [experts, top_k]",
                                        [](const toml::node& node) -> std::optional<Pair> {
                                          const toml::array* pair = node.as_array();
                                          if (pair == nullptr || pair->size() != 2)
                                            return std::nullopt;
                                          const auto experts = (*pair)[0].value<std::int64_t>();
                                          const auto top_k = (*pair)[1].value<std::int64_t>();
                                          if (!experts || !top_k) return std::nullopt;
                                          return Pair{*experts, *top_k};
                                        });
  range.kv_heads =
      read_list<std::int64_t>(reader, "kv_heads", "must be whole numbers >= 1 or \"heads\"",
                              [](const toml::node& node) -> std::optional<std::int64_t> {
                                if (node.value<std::string>() == "heads") return model::all_heads;
                                const auto n = node.value<std::int64_t>();
                                return n && *n >= 1 ? n : std::nullopt;
                              });
  const auto kind = [](auto from_name) {
    return [from_name](const toml::node& node) {
      return from_name(node.value<std::string>().value_or(""));
    };
  };
  range.attention = read_list<model::AttentionKind>(
      reader, "attention", "must be \"gqa\" or \"mla\"",
      kind(law_knows<model::AttentionKind>(model::attention_kind_from)));
  range.ffn = read_list<model::FfnKind>(reader, "ffn", "must be \"gated\" or \"plain\"",
                                        kind(law_knows<model::FfnKind>(model::ffn_kind_from)));
  reader.reject_unknown_keys();
  return range;
}

const format::NumberRule& rule_of(model::CoefficientKind kind) {
  using enum model::CoefficientKind;
  if (kind == factor) return format::rules::signed_number;
  return kind == exponent ? format::rules::signed_exponent : format::rules::non_negative;
}

/// A term is there as a whole or not at all; alpha_r is in two of them.
void read_coefficients(format::TableReader& reader, model::Law& law) {
  bool any_term = false;
  for (const auto& c : model::law_coefficients<>) {
    law.*c.member = reader.number(c.name, rule_of(c.kind)).value_or(0.0);
    if (c.kind == model::CoefficientKind::factor) {
      any_term = any_term || (reader.has(c.name) && c.name != "kappa_t");
    } else if (c.kind == model::CoefficientKind::constant) {
      if (!reader.has(c.name)) reader.fault(c.name, "is missing");
    } else {
      const bool in_term = c.factor.empty() ? reader.has("kappa_rho") || reader.has("kappa_d")
                                            : reader.has(c.factor);
      if (in_term && !reader.has(c.name)) reader.fault(c.name, "is missing");
      if (!in_term && reader.has(c.name))
        reader.fault(c.name, fmt::format("goes with {}, which is missing",
                                         c.factor.empty() ? "kappa_rho or kappa_d" : c.factor));
    }
  }
  if (!any_term)
    reader.fault("kappa_l",
                 "is missing, and so are kappa_rho, kappa_d, kappa_m and kappa_p: a law "
                 "needs a term in the shape of a model");
}

/// Vectors of coefficients; those that are not listed are the law's own.
std::vector<model::LawCoefficients<double>> read_resamples(format::TableReader& reader,
                                                           const format::TableReader& of_law,
                                                           const model::Law& law) {
  using Coefficients = model::LawCoefficients<double>;
  const auto names = read_list<const model::LawCoefficient<double>*>(
      reader, "coefficients", "must be names of coefficients that the law states, each once",
      [&, seen = std::set<std::string_view>{}](
          const toml::node& node) mutable -> std::optional<const model::LawCoefficient<double>*> {
        for (const auto& c : model::law_coefficients<>)
          if (node.value<std::string>() == c.name && of_law.has(c.name) &&
              seen.insert(c.name).second)
            return &c;
        return std::nullopt;
      });
  const toml::array* listed = reader.array("coefficients");
  const std::size_t length = listed == nullptr ? 0 : listed->size();
  if (length == 0) reader.fault("coefficients", "must list the names of coefficients");
  if (length == 0 || names->size() != length) {
    reader.allow({"vectors"});
    return {};
  }
  const auto vectors = read_list<Coefficients>(
      reader, "vectors", fmt::format("must be {} numbers that the coefficients can be", length),
      [&](const toml::node& node) -> std::optional<Coefficients> {
        const toml::array* list = node.as_array();
        if (list == nullptr || list->size() != length) return std::nullopt;
        Coefficients vector = law;
        for (std::size_t i = 0; i < length; ++i) {
          const auto x = (*list)[i].value<double>();
          const auto& c = *(*names)[i];
          if (!x || !rule_of(c.kind).holds(*x)) return std::nullopt;
          vector.*c.member = *x;
        }
        return vector;
      });
  // Nine of ten of fewer are no band.
  constexpr std::size_t least = 20, most = 10000;
  const toml::array* all = reader.array("vectors");
  if (all == nullptr || all->size() < least || all->size() > most)
    reader.fault("vectors", fmt::format("must be from {} to {} lists", least, most));
  reader.reject_unknown_keys();
  return vectors.value_or(std::vector<Coefficients>{});
}

}  // namespace

model::Law read_law(format::TableReader& reader) {
  allow_description(reader);
  reader.allow({"r2_train", "r2_held_out", "runs", "tokens_per_run", "fit"});
  model::Law law;
  law.id = read_id(reader);
  const auto form = read_law_form(reader);
  law.form = form.value_or(std::monostate{});
  const bool is_sum = form && std::holds_alternative<std::monostate>(*form);
  if (is_sum) read_coefficients(reader, law);
  law.tokens = reader.number("tokens", format::rules::at_least_one).value_or(model::usual_tokens);
  if (const toml::table* range = reader.sub_table("range")) {
    format::TableReader range_reader(*range, reader.full_name("range"), reader.faults());
    law.range = read_range(range_reader);
  }
  if (!is_sum) {
    if (form && reader.has("resamples"))
      reader.fault("resamples", "goes with a law that has no form of its own");
    reader.allow({"resamples"});
  } else if (const toml::table* resamples = reader.sub_table("resamples")) {
    format::TableReader vectors(*resamples, reader.full_name("resamples"), reader.faults());
    law.resamples = read_resamples(vectors, reader, law);
  }
  return law;
}

}  // namespace rooflaw::io
