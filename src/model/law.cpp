#include "rooflaw/model/law.hpp"

#include <algorithm>

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

bool extrapolates(const LawRange& range, const Architecture& a) {
  return !(law_has_opinion(a) && a.further.empty() && a.window == 0 &&
           layers_in_range(range, static_cast<double>(a.layers)) &&
           width_in_range(range, static_cast<double>(a.width)) &&
           experts_in_range(range, a.experts, a.top_k) &&
           attention_in_range(range, a.attention, a.kv_heads, a.heads) &&
           ffn_in_range(range, a.ffn, static_cast<double>(a.shared_ffn)));
}

}  // namespace rooflaw::model
