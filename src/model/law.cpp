#include "rooflaw/model/law.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rooflaw::model {

namespace {
bool within(const std::optional<Interval>& interval, double x) {
  return !interval || interval->contains(x);
}
template <class T>
bool listed(const std::optional<std::vector<T>>& list, const T& x) {
  return !list || std::find(list->begin(), list->end(), x) != list->end();
}
}  // namespace

std::string_view to_string(LawVariable variable) {
  switch (variable) {
    case LawVariable::layers:
      return "layers";
    case LawVariable::activation_rate:
      return "activation rate";
    case LawVariable::ffn_ratio:
      return "FFN ratio";
    case LawVariable::width:
      return "width";
    case LawVariable::kv_dim:
      return "KV dimension";
    case LawVariable::parameters:
      break;
  }
  return "parameters";
}

namespace {
template <class Holds>
bool any_term(const LawCoefficients<double>& law, Holds holds) {
  const auto t = law_terms(law);
  for (const auto* term : {&t.depth, &t.sparsity, &t.capacity, &t.kv, &t.parameters})
    if (term->coefficient != 0.0 && holds(*term)) return true;
  return false;
}
}  // namespace

bool has_opinion(const LawCoefficients<double>& law, LawVariable variable) {
  return any_term(law, [&](const LawTerm<double>& term) {
    return term.exponent(variable).value_or(0.0) != 0.0;
  });
}

bool has_opinion(const Law& law, LawVariable variable) {
  using enum LawVariable;
  if (std::holds_alternative<JointMoeLaw>(law.form))
    return variable == parameters || variable == activation_rate;
  if (std::holds_alternative<ConditionalLaw>(law.form))
    return variable == width || variable == ffn_ratio;
  return has_opinion(static_cast<const LawCoefficients<double>&>(law), variable);
}

bool has_tokens_term(const Law& law) {
  return law.kappa_t != 0.0 || std::holds_alternative<JointMoeLaw>(law.form);
}

std::vector<std::string_view> opinions(const Law& law) {
  if (std::holds_alternative<JointMoeLaw>(law.form))
    return {"active parameters", "experts", "training tokens"};
  if (std::holds_alternative<ConditionalLaw>(law.form))
    return {"width at fixed size", "FFN to attention at fixed size"};
  std::vector<std::string_view> names;
  for (const LawVariable v : law_variables)
    if (has_opinion(law, v)) names.push_back(to_string(v));
  if (has_tokens_term(law)) names.emplace_back("training tokens");
  return names;
}

std::vector<std::string_view> silent_on(const Law& law) {
  std::vector<std::string_view> names;
  for (const LawVariable v : law_variables)
    if (v != LawVariable::parameters && !has_opinion(law, v)) names.push_back(to_string(v));
  return names;
}

bool is_separable(const Law& law) {
  return law.kappa_p == 0.0 && std::holds_alternative<std::monostate>(law.form);
}

std::string why_not_searched(const Law& law) {
  if (is_separable(law)) return {};
  if (std::holds_alternative<JointMoeLaw>(law.form))
    return "is a function of active parameters and experts, no sum over the parts of an "
           "architecture, which no search can use";
  if (std::holds_alternative<ConditionalLaw>(law.form))
    return "is a multiplier at fixed depth and size, no loss, which no search can use";
  return "has a term in the total parameters, which no search can use";
}

std::vector<std::string> caveats(const Law& law, bool tokens_given) {
  std::vector<std::string> all;
  if (const auto silent = silent_on(law); !silent.empty())
    all.push_back(fmt::format("law {} has no opinion on: {}{}", law.id, fmt::join(silent, ", "),
                              has_opinion(law, LawVariable::parameters)
                                  ? ", but as they change the number of parameters"
                                  : ""));
  if (!gives_loss(law))
    all.push_back(fmt::format(
        "law {} is a multiplier of a loss at fixed depth and size only; whether a model "
        "has the size and the FFN share it was fitted on is not checked",
        law.id));
  if (has_tokens_term(law) && !tokens_given && law.tokens == usual_tokens)
    all.push_back(fmt::format("law {} has a term in training tokens: {:g} are assumed (law.tokens)",
                              law.id, law.tokens));
  return all;
}

bool gives_loss(const Law& law) { return !std::holds_alternative<ConditionalLaw>(law.form); }

bool is_monotone(const LawCoefficients<double>& law) {
  using enum LawVariable;
  return !any_term(law, [](const LawTerm<double>& term) {
    return term.coefficient < 0.0 || term.exponent(ffn_ratio).value_or(0.0) > 0.0 ||
           term.exponent(activation_rate).value_or(0.0) < 0.0;
  });
}

bool layers_in_range(const LawRange& range, double layers) { return within(range.layers, layers); }
bool width_in_range(const LawRange& range, double width) { return within(range.width, width); }

bool experts_in_range(const LawRange& range, std::int64_t experts, std::int64_t top_k) {
  return listed(range.experts_top_k, {experts, top_k});
}

bool attention_in_range(const LawRange& range, AttentionKind kind, std::int64_t kv_heads,
                        std::int64_t heads) {
  if (!listed(range.attention, kind)) return false;
  if (kind != AttentionKind::gqa) return true;
  return listed(range.kv_heads, kv_heads) ||
         (kv_heads == heads && listed(range.kv_heads, all_heads));
}

bool ffn_in_range(const LawRange& range, FfnKind kind, double shared_ffn) {
  return listed(range.ffn, kind) && within(range.shared_ffn, shared_ffn);
}

bool ffn_block_in_range(const LawRange& range, const FfnShape<double>& ffn) {
  return within(range.ffn_ratio, ffn.ffn_ratio()) &&
         within(range.activation_rate, ffn.activation_rate());
}

bool kv_dim_in_range(const LawRange& range, const AttentionShape<double>& attention) {
  return within(range.kv_dim, attention.kv_dim());
}

namespace {

/// What makes a law extrapolate: whether it does, and what it is called.
struct Reason {
  bool (*holds)(const LawRange&, const Architecture&);
  std::string (*name)(const Architecture&);
};

constexpr Reason reasons[] = {
    {[](const LawRange&, const Architecture& a) { return !law_has_opinion(a); },
     [](const Architecture&) -> std::string { return "layers without attention or FFN"; }},
    {[](const LawRange&, const Architecture& a) { return !a.further.empty() || a.window > 0; },
     [](const Architecture& a) -> std::string {
       return a.further.empty() ? "windows" : "several kinds of layers";
     }},
    {[](const LawRange& r, const Architecture& a) {
       return !layers_in_range(r, static_cast<double>(a.layers));
     },
     [](const Architecture& a) { return fmt::format("{} layers", a.layers); }},
    {[](const LawRange& r, const Architecture& a) {
       return !width_in_range(r, static_cast<double>(a.width));
     },
     [](const Architecture& a) { return fmt::format("width {}", a.width); }},
    {[](const LawRange& r, const Architecture& a) {
       return !experts_in_range(r, a.experts, a.top_k);
     },
     [](const Architecture& a) { return fmt::format("{} of {} experts", a.top_k, a.experts); }},
    {[](const LawRange& r, const Architecture& a) {
       return !attention_in_range(r, a.attention, a.kv_heads, a.heads);
     },
     [](const Architecture& a) {
       return a.attention == AttentionKind::gqa ? fmt::format("{} KV heads", a.kv_heads)
                                                : std::string(to_string(a.attention));
     }},
    {[](const LawRange& r, const Architecture& a) {
       return !ffn_in_range(r, a.ffn, static_cast<double>(a.shared_ffn));
     },
     [](const Architecture& a) {
       return a.shared_ffn > 0 ? fmt::format("shared FFN {}", a.shared_ffn)
                               : fmt::format("{} FFN", to_string(a.ffn));
     }},
    {[](const LawRange& r, const Architecture& a) {
       return law_has_opinion(a) && !ffn_block_in_range(r, ffn_shape(a));
     },
     [](const Architecture& a) {
       const auto ffn = ffn_shape(a);
       return fmt::format("FFN ratio {:.3g} at activation rate {:.3g}", ffn.ffn_ratio(),
                          ffn.activation_rate());
     }},
    {[](const LawRange& r, const Architecture& a) {
       return law_has_opinion(a) && !kv_dim_in_range(r, attention_shape(a, a.width));
     },
     [](const Architecture& a) {
       return fmt::format("KV dimension {:g}", attention_shape(a, a.width).kv_dim());
     }}};

}  // namespace

bool extrapolates(const LawRange& range, const Architecture& a) {
  return std::any_of(std::begin(reasons), std::end(reasons),
                     [&](const Reason& reason) { return reason.holds(range, a); });
}

std::string outside_of_range(const LawRange& range, const Architecture& a) {
  std::string names;
  for (const Reason& reason : reasons)
    if (reason.holds(range, a)) names += (names.empty() ? "" : ", ") + reason.name(a);
  return names;
}

}  // namespace rooflaw::model
