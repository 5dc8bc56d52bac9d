// JOB.toml: whatever the text, an InputError or a job whose search could start. A comment
// "#--set KEY=VALUE" is an override.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fuzz.hpp"
#include "rooflaw/io/job_file.hpp"
#include "rooflaw/search/exact/levels.hpp"

using namespace rooflaw;

namespace {

std::vector<std::string> overrides_in(const std::string& text) {
  constexpr std::string_view mark = "#--set ";
  std::vector<std::string> overrides;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
    at += mark.size();
    overrides.push_back(text.substr(at, text.find('\n', at) - at));
  }
  return overrides;
}

/// The first of a few points spread over the space that is an architecture.
std::optional<model::Architecture> some_architecture(const search::Space& space,
                                                     search::Index count) {
  for (search::Index i = 0; i < 64; ++i)
    if (const auto a = architecture_at(space, digits_of(space, i * (count / 64) + i % count)))
      return a;
  return std::nullopt;
}

void require_level(const search::Subspace& level, const search::Space& space) {
  const auto lengths = search::axis_lengths(space);
  for (const search::Axis axis : search::all_axes) {
    const auto& digits = level[axis];
    fuzz::require(
        (space.within || !digits.empty()) &&
            std::all_of(digits.begin(), digits.end(), [&](auto d) { return d < lengths[axis]; }),
        "a level of exact is a part of the space");
  }
}

void require_searchable(const io::Job& job) {
  const auto& question = job.question;
  const auto& space = question.space;
  const auto count = index_count(space);
  fuzz::require(count.has_value(), "an index fits 63 bits");
  const search::Index valid = valid_count(space);
  fuzz::require(valid > 0 && valid <= *count, "some points of the space are valid");
  fuzz::require(!question.targets.empty(), "there is a target");
  for (const auto& target : question.targets)
    fuzz::require(
        target.deployment < question.deployments.size() && target.law < question.laws.size(),
        "a target has its deployment and law");
  for (const auto& level : search::exact_levels(space)) require_level(level, space);
  const auto architecture = some_architecture(space, *count);
  if (!architecture) return;
  fuzz::require(!find_fault(*architecture), "a point of the space is an architecture");
  for (std::size_t i = 0; i < std::min<std::size_t>(question.deployments.size(), 4); ++i) {
    const auto& scenario = question.deployments[i].scenario;
    for (std::size_t law = 0; law < std::min<std::size_t>(question.laws.size(), 4); ++law)
      fuzz::require_sound(model::evaluate(question.laws[law], *architecture, scenario), scenario);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  auto files = fuzz::sources("job.toml", text);
  try {
    require_searchable(io::read_job(files, "job.toml", overrides_in(text)));
  } catch (const InputError& e) {
    fuzz::require(!e.faults().empty(), "an InputError names a fault");
  }
  return 0;
}
