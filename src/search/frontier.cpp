#include "rooflaw/search/frontier.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "rooflaw/core/error.hpp"
#include "rooflaw/core/powers.hpp"

namespace rooflaw::search {

namespace {
void require_numbers(const FrontierPoint& p) {
  if (!(p.latency_s > 0.0) || std::isnan(p.loss))
    throw DomainError("a frontier point needs a positive latency and a loss that is a number");
}
}  // namespace

void Frontier::insert(const FrontierPoint& point) {
  require_numbers(point);
  auto next = points_.lower_bound(point.latency_s);  // first that is not faster
  if (next != points_.begin() && std::prev(next)->second.loss <= point.loss) return;
  if (next != points_.end() && next->first == point.latency_s) {
    Entry& same = next->second;
    if (same.loss < point.loss) return;
    if (same.loss == point.loss) {
      if (point.index < same.index) {
        same.index = point.index;
        ++additions_;  // who keeps a list of finds must hear of the new index
      }
      return;
    }
  }
  while (next != points_.end() && next->second.loss >= point.loss) next = points_.erase(next);
  points_.emplace_hint(next, point.latency_s, Entry{point.loss, point.index});
  ++additions_;
}

bool Frontier::contains(const FrontierPoint& point) const {
  const auto found = points_.find(point.latency_s);
  return found != points_.end() && found->second.loss == point.loss &&
         found->second.index == point.index;
}

std::vector<FrontierPoint> Frontier::points() const {
  std::vector<FrontierPoint> out;
  out.reserve(points_.size());
  for (const auto& [latency, entry] : points_) out.push_back({latency, entry.loss, entry.index});
  return out;
}

FrontierPoints merged(const FrontierPoints& a, const FrontierPoints& b) {
  if (a.empty() || b.empty()) return a.empty() ? b : a;
  FrontierPoints all;
  all.reserve(a.size() + b.size());
  const auto before = [](const FrontierPoint& x, const FrontierPoint& y) {
    return std::tie(x.latency_s, x.loss, x.index) < std::tie(y.latency_s, y.loss, y.index);
  };
  // Of like latency the least loss comes first, of like loss the lowest index.
  auto x = a.begin(), y = b.begin();
  while (x != a.end() || y != b.end()) {
    const FrontierPoint& next = y == b.end() || (x != a.end() && before(*x, *y)) ? *x++ : *y++;
    if (all.empty() || next.loss < all.back().loss) all.push_back(next);
  }
  return all;
}

double hypervolume(std::span<const FrontierPoint> points, double reference_latency_s,
                   double reference_loss) {
  Frontier frontier;
  for (const auto& p : points) {
    require_numbers(p);
    if (p.latency_s < reference_latency_s && p.loss < reference_loss) frontier.insert(p);
  }
  double area = 0;
  double right = common_log(reference_latency_s);
  const auto sorted = frontier.points();
  for (auto p = sorted.rbegin(); p != sorted.rend(); ++p) {
    const double left = common_log(p->latency_s);
    area += (right - left) * (reference_loss - p->loss);
    right = left;
  }
  return area;
}

HypervolumeReference default_reference(std::span<const FrontierPoint> frontier) {
  HypervolumeReference reference;
  if (frontier.empty()) return reference;
  double latency = 0;
  double loss = -std::numeric_limits<double>::infinity();
  for (const auto& p : frontier) {
    latency = std::max(latency, p.latency_s);
    loss = std::max(loss, p.loss);
  }
  // Of a loss so large that 0.1 is lost in it, the next number: an area must not be 0.
  return {1.1 * latency,
          std::max(0.1 + loss, std::nextafter(loss, std::numeric_limits<double>::infinity()))};
}

double hypervolume_gain(std::span<const FrontierPoint> frontier,
                        std::span<const FrontierPoint> more) {
  if (frontier.empty()) return 0;
  const auto reference = default_reference(frontier);
  std::vector<FrontierPoint> all(frontier.begin(), frontier.end());
  all.insert(all.end(), more.begin(), more.end());
  return hypervolume(all, reference.latency_s, reference.loss) /
             hypervolume(frontier, reference.latency_s, reference.loss) -
         1.0;
}

double largest_loss_gap(std::span<const FrontierPoint> frontier,
                        std::span<const FrontierPoint> whole) {
  double gap = 0;
  auto next = frontier.begin();
  for (const auto& p : whole) {
    while (next != frontier.end() && next->latency_s <= p.latency_s) ++next;
    const double loss =
        next == frontier.begin() ? std::numeric_limits<double>::infinity() : std::prev(next)->loss;
    gap = std::max(gap, loss - p.loss);
  }
  return gap;
}

double hypervolume_share(std::span<const FrontierPoint> frontier,
                         std::span<const FrontierPoint> whole) {
  if (whole.empty()) return 1;
  const auto reference = default_reference(whole);
  return hypervolume(frontier, reference.latency_s, reference.loss) /
         hypervolume(whole, reference.latency_s, reference.loss);
}

}  // namespace rooflaw::search
