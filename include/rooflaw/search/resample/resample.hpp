#pragma once
// How sure a law's frontier is: the frontiers of the fits to resampled runs that a law may carry
// (model::Law::resamples), each of the whole space and proven as the law's own.
//
// Nine of ten resamples lie between the bands given here. They say what the runs leave open within
// the law's form; what another form would say is the matter of other laws (opinion.hpp).
//
// A resample's search starts from the law's frontier, rescored: its points are points of the space,
// so they prune, and what they prune is dominated whatever law they came from. Where boxes cannot
// be bounded (model::is_monotone) every point is scored.

#include <functional>

#include "rooflaw/search/findings.hpp"
#include "rooflaw/search/question.hpp"

namespace rooflaw::search {

/// The same targets of one law with other coefficients.
Question with_law(const Question& question, std::size_t law,
                  const model::LawCoefficients<double>& coefficients);

/// The true frontiers by target, from any points of the space that are good to know. `between` is
/// called now and then.
/// @param known  by target, of this question's law or another; empty: nothing is known
std::vector<FrontierPoints> frontiers_from(const Question& question,
                                           const std::vector<FrontierPoints>& known,
                                           const std::function<void()>& between);

/// What a resample says of the law's frontier of one target.
struct Resampled {
  std::vector<double> best;         // least loss within the latency of each point of the band
  std::vector<std::uint8_t> stays;  // is the point on the resample's frontier too? by point
  bool operator==(const Resampled&) const = default;
};
template <class Archive>
void fields(Archive& a, Resampled& x) {
  a(x.best, x.stays);
}

/// Points of the frontier at which the band is taken: every one, or every so many if there are more
/// than can be kept.
std::vector<std::size_t> band_points(std::size_t frontier_size, std::size_t all_points,
                                     std::size_t resamples);

/// One resample: by target of `with_law`'s question.
std::vector<Resampled> resample(const Question& question,
                                const std::vector<FrontierPoints>& frontiers,
                                std::size_t all_points, std::size_t resamples,
                                const std::function<void()>& between);

/// @throws Error as require_fit unless it is one of a frontier of so many points
void require_resampled(const Resampled& resampled, std::size_t frontier_size,
                       std::size_t band_points);

/// @throws Error as require_fit unless they go with the frontiers, by target
void require_bands(const std::vector<ResampleBand>& bands,
                   const std::vector<FrontierPoints>& frontiers);

ResampleBand band_of(const std::vector<Resampled>& resamples, std::size_t frontier_size,
                     const std::vector<std::size_t>& band_points);

}  // namespace rooflaw::search
