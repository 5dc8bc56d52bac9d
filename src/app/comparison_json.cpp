// A comparison as JSON. Keys: results/README.md.

#include "rooflaw/app/comparison.hpp"

namespace rooflaw::app {

using nlohmann::json;

namespace {

std::vector<std::string> names_of(const std::vector<model::Objective>& objectives) {
  std::vector<std::string> names;
  for (const auto objective : objectives) names.emplace_back(to_string(objective));
  return names;
}

json tie_json(search::Tie tie) {
  return tie == search::Tie::unknown ? json(nullptr) : json(tie == search::Tie::yes);
}

json device_json(const ComparedDevice& d) {
  json j = {{"device", d.device},
            {"precisions", d.precisions},
            {"calibration", d.calibration},
            {"engine", d.engine},
            {"confidence", d.confidence},
            {"memory_budget_bytes", d.memory_budget_bytes},
            {"points", d.points},
            {"band", nullptr},
            {"ratio", nullptr},
            {"tie", tie_json(d.tie)}};
  const bool any = d.points > 0;
  j["fastest"] = any ? json(d.fastest) : json(nullptr);
  j["slowest"] = any ? json(d.slowest) : json(nullptr);
  j["least_loss"] = any ? json(d.least_loss) : json(nullptr);
  j["largest_loss"] = any ? json(d.largest_loss) : json(nullptr);
  if (d.band.known()) j["band"] = {d.band.low, d.band.high};
  if (d.ratio)
    j["ratio"] = {{"mean", d.ratio->mean},
                  {"least", d.ratio->least},
                  {"largest", d.ratio->largest},
                  {"loss_from", d.ratio->loss_from},
                  {"loss_to", d.ratio->loss_to}};
  return j;
}

json architecture_json(const search::Row& r) {
  return {{"layers", r.layers},
          {"width", r.width},
          {"heads", r.heads},
          {"head_dim", r.head_dim},
          {"attention", to_string(r.attention)},
          {"kv_heads", r.kv_heads},
          {"kv_lora_rank", r.kv_lora_rank},
          {"ffn", to_string(r.ffn)},
          {"expert_ffn", r.expert_ffn},
          {"experts", r.experts},
          {"top_k", r.top_k},
          {"shared_ffn", r.shared_ffn}};
}

json choice_json(const std::string& device, const std::optional<Choice>& choice) {
  if (!choice) return {{"device", device}, {"point", nullptr}};
  const auto& r = choice->row;
  return {{"device", device},
          {"point",
           {{"precision", choice->precision},
            {"as_good_precisions", choice->as_good},
            {"objective", r.objective},
            {"loss", r.loss},
            {"architecture", architecture_json(r)},
            {"params_total", r.params_total},
            {"params_active", r.params_active},
            {"memory_bytes", r.memory_bytes},
            {"energy_j", r.energy_j},
            {"extrapolated", r.extrapolated},
            {"worth_10_percent",
             {{"compute", choice->worth.compute},
              {"bandwidth", choice->worth.bandwidth},
              {"memory", choice->worth.memory}}}}}};
}

json placed_json(const std::string& device, const Placed& p) {
  if (!p.why_not.empty()) return {{"device", device}, {"why_not", p.why_not}};
  return {{"device", device},
          {"objective", p.objective},
          {"loss", p.loss},
          {"best_loss", p.best_loss},
          {"regret_nats", p.regret.nats},
          {"regret_ratio", p.regret.ratio},
          {"energy_j", p.energy_j},
          {"extrapolated", p.extrapolated},
          {"misses", names_of(p.missed)}};
}

json all_placed(const ComparedGroup& g, const std::vector<Placed>& placed) {
  json list = json::array();
  for (std::size_t d = 0; d < placed.size(); ++d)
    list.push_back(placed_json(g.devices[d].device, placed[d]));
  return list;
}

json rung_json(const ComparedGroup& g, const Rung& rung) {
  json best = json::array(), picks = json::array();
  for (std::size_t d = 0; d < g.devices.size(); ++d) {
    best.push_back(choice_json(g.devices[d].device, rung.best[d]));
    picks.push_back(choice_json(g.devices[d].device, rung.pick[d]));
    picks.back()["on"] = all_placed(g, rung.placed[d]);
  }
  return {{"objective", rung.objective},
          {"baseline_loss", rung.loss},
          {"best", std::move(best)},
          {"picks", std::move(picks)}};
}

}  // namespace

json comparison_json(const DeviceComparison& c) {
  json groups = json::array();
  for (const auto& g : c.groups) {
    json devices = json::array(), rungs = json::array(), models = json::array();
    for (const auto& d : g.devices) devices.push_back(device_json(d));
    for (const auto& rung : g.rungs) rungs.push_back(rung_json(g, rung));
    for (const auto& m : g.models)
      models.push_back({{"model", m.model}, {"on", all_placed(g, m.on)}});
    groups.push_back({{"law", g.law},
                      {"precision", g.precision},
                      {"workload", g.workload},
                      {"latency", to_string(g.objective)},
                      {"unit", entry(g.objective).unit},
                      {"budget", g.budget},
                      {"devices", std::move(devices)},
                      {"rungs", std::move(rungs)},
                      {"models", std::move(models)}});
  }
  return {{"result", c.result},
          {"baseline", c.baseline},
          {"has_worths", c.has_worths},
          {"groups", std::move(groups)},
          {"faults", c.faults}};
}

}  // namespace rooflaw::app
