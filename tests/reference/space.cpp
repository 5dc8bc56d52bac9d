#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "case.hpp"
#include "reference_model.hpp"

namespace rooflaw::reference {

using nlohmann::json;

namespace {

/// The optional axis `key` of a space, one value if absent.
json axis(const json& space, const std::string& key, const json& value_if_absent) {
  return space.contains(key) ? space.at(key) : json::array({value_if_absent});
}

/// A combination of axis values, valid or not.
struct Combination {
  json ffn, width, attention, attention_value, ratio, shared_ffn, experts, top_k, layers;
};

/// In the order of their index: nested in the order of the digits, the last fastest.
std::vector<Combination> combinations(const json& space) {
  const json kv_heads = space.value("kv_heads", json::array());
  const json mla_ranks = space.value("mla", json::array());
  // An attention choice is an axis of its own: in the order of the kinds, the entries of each.
  const json attentions = axis(space, "attention", "gqa");
  const json ffns = axis(space, "ffn", "gated");
  const json shared_ffns = axis(space, "shared_ffn", 0);

  std::vector<Combination> all;
  for (const json& ffn : ffns) {
    for (const json& width : space.at("widths")) {
      for (const json& attention : attentions) {
        for (const json& value : attention == "mla" ? mla_ranks : kv_heads) {
          for (const json& ratio : space.at("expert_ffn_ratio")) {
            for (const json& shared_ffn : shared_ffns) {
              for (const json& E : space.at("experts")) {
                for (const json& K : space.at("top_k")) {
                  for (const json& l : space.at("layers")) {
                    all.push_back({ffn, width, attention, value, ratio, shared_ffn, E, K, l});
                  }
                }
              }
            }
          }
        }
      }
    }
  }
  return all;
}

/// n_h = q d / d_h, 0 if that is no whole number.
long long query_heads(const json& space, const Combination& x) {
  const double heads =
      space.value("query_ratio", 1.0) * x.width.get<double>() / space.at("head_dim").get<double>();
  return heads == std::floor(heads) ? std::llround(heads) : 0;
}

/// std::round takes halves away from zero.
long long expert_size(const json& space, const Combination& x) {
  const double multiple_of = space.value("ffn_multiple_of", 1.0);
  return std::llround(std::round(x.ratio.get<double>() * x.width.get<double>() / multiple_of) *
                      multiple_of);
}

/// Key/value heads of a GQA choice, 0 if they do not fit the query heads.
long long key_value_heads(const json& space, const Combination& x, long long heads) {
  const bool all_heads = x.attention_value == "heads";
  if (all_heads && lists(space.at("kv_heads"), heads)) {
    return 0;  // that number has its own digit
  }
  const long long n_kv = all_heads ? heads : x.attention_value.get<long long>();
  return n_kv <= heads && heads % n_kv == 0 ? n_kv : 0;
}

/// Layers from one that attends all tokens to the next; 1 without a window pattern.
long long global_every(const json& space) {
  return table_or_empty(space, "window").value("global_every", 1LL);
}

bool valid(const json& space, const Combination& x) {
  const long long heads = query_heads(space, x);
  if (heads == 0 || expert_size(space, x) == 0) {
    return false;
  }
  if (x.attention != "mla" && key_value_heads(space, x, heads) == 0) {
    return false;
  }
  const long long E = x.experts.get<long long>();
  const long long K = x.top_k.get<long long>();
  if (E == 1 ? K > 1 : K >= E) {
    return false;
  }
  return x.layers.get<long long>() % global_every(space) == 0;
}

void put_attention(json& a, const json& space, const Combination& x) {
  const long long heads = query_heads(space, x);
  a["heads"] = heads;
  a["attention"] = x.attention;
  if (x.attention == "mla") {
    a["q_lora_rank"] = x.attention_value.value("q_lora_rank", 0);
    for (const char* key : {"kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"}) {
      a[key] = x.attention_value.at(key);
    }
  } else {
    a["head_dim"] = space.at("head_dim");
    a["kv_heads"] = key_value_heads(space, x, heads);
  }
}

/// The layers, cut into those that attend all tokens and those that attend a window.
void put_layers(json& a, const json& space, const Combination& x) {
  const long long l = x.layers.get<long long>();
  const long long p = global_every(space);
  if (p == 1) {
    a["layers"] = l;
    return;
  }
  a["group"] = {{{"layers", l / p}, {"window", 0}},
                {{"layers", l - l / p}, {"window", space.at("window").at("tokens")}}};
}

json architecture(const json& space, const Combination& x) {
  json a;
  put_layers(a, space, x);
  a["width"] = x.width;
  put_attention(a, space, x);
  a["ffn"] = x.ffn;
  a["expert_ffn"] = expert_size(space, x);
  a["experts"] = x.experts;
  a["top_k"] = x.top_k;
  a["shared_ffn"] = x.shared_ffn;
  a["ffn_sparsity"] = space.value("ffn_sparsity", 0.0);
  a["vocab"] = space.at("vocab");
  a["tied"] = space.value("tied", true);
  return a;
}

/// x dominates y: no worse in both, better in one (arXiv:2602.10377, Eq. 5).
bool dominates(const Point& x, const Point& y) {
  return x.latency_s <= y.latency_s && x.loss <= y.loss &&
         (x.latency_s < y.latency_s || x.loss < y.loss);
}

/// What no other point dominates, and of equal points the one with the lowest index.
std::vector<Point> non_dominated(const std::vector<Point>& points) {
  std::vector<Point> kept;
  for (const Point& x : points) {
    const bool beaten = std::any_of(points.begin(), points.end(), [&x](const Point& y) {
      const bool equal = x.latency_s == y.latency_s && x.loss == y.loss;
      return dominates(y, x) || (equal && y.index < x.index);
    });
    if (!beaten) {
      kept.push_back(x);
    }
  }
  return kept;
}

/// Whether `value` meets the limit `key` of the table; an absent limit is met, and so is a limit on
/// something that does not exist (null: tpot without output tokens).
bool meets(const json& limits, const std::string& key, const json& value) {
  if (!limits.is_object() || !limits.contains(key) || value.is_null()) {
    return true;
  }
  return value.get<double>() <= limits.at(key).get<double>();
}

bool meets_all(const json& limits, const json& result) {
  return meets(limits, "max_prefill_s", result.at("prefill_s")) &&
         meets(limits, "max_tpot_s", result.at("tpot_s")) &&
         meets(limits, "max_total_s", result.at("total_s"));
}

/// The key of a result that holds what a latency kind asks for.
std::string objective_key(const std::string& latency, const json& device, const json& workload) {
  if (latency == "energy") {
    require(device.contains("prefill_power") && device.contains("decode_power"),
            "an energy target needs both powers of the device");
    return "energy_j";
  }
  require(latency == "prefill" || latency == "tpot" || latency == "total",
          "latency: prefill, tpot, total or energy");
  require(latency != "prefill" || workload.at("input_tokens").get<double>() > 0,
          "a prefill target needs input tokens");
  require(latency != "tpot" || workload.at("output_tokens").get<double>() > 0,
          "a tpot target needs output tokens");
  return latency + "_s";
}

}  // namespace

std::vector<SpacePoint> enumerate(const json& space) {
  std::vector<SpacePoint> points;
  long long index = 0;
  for (const Combination& x : combinations(space)) {
    if (valid(space, x)) {
      points.push_back({index, architecture(space, x)});
    }
    ++index;
  }
  return points;
}

std::vector<Point> frontier(const json& space, const json& device, const json& precision,
                            const json& workload, const json& engine, const json& law,
                            const std::string& latency, std::optional<double> memory_budget_bytes,
                            const json& limits, bool enforce_range) {
  const std::string objective = objective_key(latency, device, workload);
  std::vector<Point> feasible;
  for (const SpacePoint& p : enumerate(space)) {
    const json result = evaluate({{"architecture", p.architecture},
                                  {"precision", precision},
                                  {"device", device},
                                  {"workload", workload},
                                  {"engine", engine},
                                  {"law", law}});
    const bool fits =
        !memory_budget_bytes || result.at("memory_total").get<double>() <= *memory_budget_bytes;
    const bool in_range = !enforce_range || !result.at("extrapolated").get<bool>();
    if (fits && in_range && meets_all(limits, result) && meets_all(workload, result)) {
      feasible.push_back({result.at(objective).get<double>(), result.at("loss").get<double>(),
                          p.index, p.architecture});
    }
  }
  std::vector<Point> kept = non_dominated(feasible);
  std::sort(kept.begin(), kept.end(),
            [](const Point& x, const Point& y) { return x.latency_s < y.latency_s; });
  return kept;
}

double hypervolume(std::vector<std::pair<double, double>> latency_loss, double ref_latency,
                   double ref_loss) {
  std::sort(latency_loss.begin(), latency_loss.end());

  // Between one latency and the next (the last: the reference), the strip from the lowest loss so
  // far up to the reference loss is dominated.
  double area = 0;
  double lowest_loss = ref_loss;
  for (std::size_t i = 0; i < latency_loss.size(); ++i) {
    const auto [latency, loss] = latency_loss[i];
    require(latency > 0, "hypervolume: latencies are positive");
    if (latency >= ref_latency) {
      continue;
    }
    lowest_loss = std::min(lowest_loss, loss);
    double next_latency = ref_latency;
    if (i + 1 < latency_loss.size()) {
      next_latency = std::min(next_latency, latency_loss[i + 1].first);
    }
    area += (std::log10(next_latency) - std::log10(latency)) * (ref_loss - lowest_loss);
  }
  return area;
}

}  // namespace rooflaw::reference
