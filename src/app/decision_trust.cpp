// How sure a table of winners is, in a sentence.

#include <cmath>
#include <set>

#include <fmt/format.h>

#include "rooflaw/app/decision.hpp"

namespace rooflaw::app {

namespace {

std::string plural(std::size_t n, const char* what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

}  // namespace

std::string decision_trust(const std::vector<Decision>& all) {
  std::set<std::string> targets, proven, empty, measured, prior, ideal, estimated, laws;
  std::size_t winners = 0, outside = 0, tied = 0;
  for (const auto& d : all) {
    const auto id = d.target.law + "/" + d.target.id;
    targets.insert(id);
    laws.insert(d.target.law);
    if (d.certified) proven.insert(id);
    if (std::isnan(d.least_objective)) empty.insert(id);
    (d.target.efficiency == model::Basis::measured ? measured
     : d.target.efficiency == model::Basis::prior  ? prior
                                                   : ideal)
        .insert(id);
    if (d.target.device_confidence == "estimate") estimated.insert(d.target.device);
    if (!d.best) continue;
    ++winners;
    outside += d.best->extrapolated ? 1 : 0;
    tied += d.as_good.empty() ? 0 : 1;
  }
  std::string text = fmt::format("trust: {} of {} frontiers are proven whole; times are",
                                 proven.size(), targets.size());
  if (!empty.empty())
    text = fmt::format(
        "trust: on {} of {} targets nothing meets the limits; {} "
        "frontiers are proven whole, empty ones too; times are",
        empty.size(), targets.size(), proven.size());
  std::string sources;
  const auto source = [&](const std::set<std::string>& of, const char* what) {
    if (!of.empty())
      sources += fmt::format("{} {} for {}", sources.empty() ? "" : ",", what, of.size());
  };
  source(measured, "measured on the chip");
  source(prior, "those of its class");
  source(ideal, "the data sheet's, a lower bound,");
  text += sources;
  if (!estimated.empty())
    text += fmt::format("; the numbers of {} are estimates", fmt::join(estimated, ", "));
  text += fmt::format("; law {}", fmt::join(laws, ", "));
  if (winners == 0)
    text += " was not needed";
  else
    text += outside == 0
                ? std::string(" does not extrapolate here")
                : fmt::format(" extrapolates (*) at {} of {}", outside, plural(winners, "winner"));
  if (tied > 0)
    text += fmt::format(
        "; {} (=) no better than another precision of the chip, for what is known "
        "of their penalties",
        tied == 1 ? "1 winner is" : plural(tied, "winner") + " are");
  return text + ".";
}

}  // namespace rooflaw::app
