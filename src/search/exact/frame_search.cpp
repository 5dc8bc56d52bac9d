#include "frame_search.hpp"

#include <algorithm>

namespace rooflaw::search {

namespace {

// Boxes whose corners are computed together, and blocks that are scored together.
constexpr std::size_t batch = 256;
constexpr std::size_t most_buffered = 128;

}  // namespace

FrameSearch::FrameSearch(const ExactLevel& level, const Frame& frame,
                         const std::vector<KnownLosses>& known)
    : level_(level),
      question_(level.question_),
      frame_(frame),
      attention_(attention_options(question_.space, frame.width_digit)),
      bounds_(question_, level.tables_, level.depths_, frame, attention_, known,
              level.lowered_seed_),
      boxes_(question_.space, level.subspace_, level.routes_, frame),
      least_loss_(question_.laws.size()),
      kept_(question_.targets.size(), nothing_kept()),
      kept_depths_(question_.targets.size(), 0) {}

FfnParts FrameSearch::nothing_kept() const {
  FfnParts parts;
  parts.loss.resize(question_.laws.size());
  parts.deployments.resize(question_.deployments.size());
  return parts;
}

void FrameSearch::search(const std::vector<Box>& boxes, Scanner& scanner,
                         const std::function<void()>& between) {
  if (attention_.empty() || level_.depths_.digits.empty()) return;
  for (const Box& box : boxes)
    if (const auto built = boxes_.built(box))
      open_.push_back({*built, Targets(question_.targets.size(), true)});
  std::vector<Open> some;
  while (!open_.empty()) {
    some.clear();
    while (!open_.empty() && some.size() < batch) {
      some.push_back(std::move(open_.back()));
      open_.pop_back();
    }
    look_at(some, scanner);
    looked_at_ += static_cast<std::int64_t>(some.size());
    if (between) between();
  }
}

void FrameSearch::settle(Scanner& scanner) {
  for (std::size_t t = 0; t < kept_.size(); ++t) flush(t, scanner);
}

void FrameSearch::look_at(std::vector<Open>& boxes, Scanner& scanner) {
  lower_.clear();
  for (const auto& open : boxes) lower_.push_back(boxes_.corner(open.box, false));
  fill_ffn_parts(question_, level_.tables_, frame_, lower_, corners_);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    Open& open = boxes[i];
    const bool single = open.box.single();
    if (single && !is_within(question_.space, lower_[i])) continue;
    set_least_losses(open.box, i);
    bool any = false;
    std::size_t depths = 0;
    std::size_t known_deployment = question_.deployments.size();
    for (std::size_t t = 0; t < question_.targets.size(); ++t) {
      if (!open.targets[t]) continue;
      const auto& [id, s, objective, law] = question_.targets[t];
      const double loss = least_loss_[law];
      if (s != known_deployment) depths = bounds_.depths_affordable(s, corners_, i);
      known_deployment = s;
      open.targets[t] = depths > 0 && bounds_.matters(t, corners_, i, loss, depths);
      any = any || open.targets[t];
      if (single && open.targets[t]) keep(t, i, loss, depths, scanner);
    }
    if (any && !single) cut(open);
  }
}

/// What blocks of a box lose at least, by law; `lane` is where its lower corner stands.
void FrameSearch::set_least_losses(const Box& box, std::size_t lane) {
  for (std::size_t law = 0; law < least_loss_.size(); ++law)
    least_loss_[law] = box.single()
                           ? corners_.loss[law][lane]
                           : (1.0 - bound_margin) * ffn_part_loss(level_.tables_, law, frame_,
                                                                  boxes_.corner(box, true));
}

void FrameSearch::cut(const Open& open) {
  cut_box(open.box, parts_);
  for (const Box& part : parts_) open_.push_back({part, open.targets});
}

void FrameSearch::keep(std::size_t target, std::size_t lane, double loss, std::size_t depths,
                       Scanner& scanner) {
  const auto& [id, s, objective, law] = question_.targets[target];
  FfnParts& kept = kept_[target];
  kept.index.push_back(corners_.index[lane]);
  kept.loss[law].push_back(loss);
  kept.activations.push_back(corners_.activations[lane]);
  auto& to = kept.deployments[s];
  const auto& from = corners_.deployments[s];
  to.prefill_s.push_back(from.prefill_s[lane]);
  to.decode_s.push_back(from.decode_s[lane]);
  to.weight_bytes.push_back(from.weight_bytes[lane]);
  kept_depths_[target] = std::max(kept_depths_[target], depths);
  if (++kept.size == most_buffered) flush(target, scanner);
}

void FrameSearch::flush(std::size_t target, Scanner& scanner) {
  FfnParts& kept = kept_[target];
  if (kept.size == 0) return;
  const auto& digits = level_.depths_.digits;
  const Block block{.frame = frame_,
                    .attention = attention_,
                    .ffn = {},
                    .layer_digits = {digits.begin(), digits.begin() + static_cast<std::ptrdiff_t>(
                                                                          kept_depths_[target])}};
  scanner.scan_target(target, block, kept);
  kept = nothing_kept();
  kept_depths_[target] = 0;
}

}  // namespace rooflaw::search
